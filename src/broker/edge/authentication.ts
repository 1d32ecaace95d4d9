import { ConveyorError } from "../../core/errors.ts";
import type { CallOrigin } from "../../wire/call-origin.ts";
import type { Authenticate } from "../gate.ts";
import type { Tokens } from "./tokens.ts";

/**
 * Asks every caller for a bearer token, or takes the common name of a certificate where none is shown: the principal is the name
 * of either. Throws NO_CREDENTIALS without both, CREDENTIALS_INVALID for a wrong token, whatever the certificate.
 */
export function authenticationBy(tokens: (() => Tokens) | undefined): Authenticate {
  return (caller) => {
    const token = tokens === undefined ? undefined : tokenOf(caller);
    if (tokens === undefined || token === undefined) return nameOf(caller, tokens !== undefined);
    const principal = tokens().principalOf(token);
    if (principal !== undefined) return principal;
    throw new ConveyorError("CREDENTIALS_INVALID", "the token is none that this broker knows");
  };
}

function tokenOf({ metadata }: CallOrigin): string | undefined {
  const [header, ...more] = metadata.get("authorization");
  if (header === undefined) return undefined;
  const [, token] = /^Bearer +(\S+)$/i.exec(String(header)) ?? [];
  if (token !== undefined && more.length === 0) return token;
  throw new ConveyorError("CREDENTIALS_INVALID", 'the authorization header is not one "Bearer TOKEN"');
}

function nameOf(caller: CallOrigin, takesTokens: boolean): string {
  const name = caller.certificateName();
  if (name !== undefined && /^[\x20-\x7e]{1,128}$/.test(name)) return name;
  if (takesTokens) {
    throw new ConveyorError(
      "NO_CREDENTIALS",
      'this broker asks for a token: send "authorization: Bearer TOKEN" (connect(address, { token }), conveyor --token-file)',
    );
  }
  throw new ConveyorError(
    "NO_CREDENTIALS",
    "this broker asks for a certificate with a common name of up to 128 characters",
  );
}
