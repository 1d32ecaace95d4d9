import { type Addresses, parseAddresses } from "./addresses.ts";
import { type Credentials, type Security, securityOf } from "./credentials.ts";

/** Where a client's brokers are, and what protects the way there. */
export interface Connection {
  readonly addresses: readonly string[];
  readonly security: Security;
}

/** Throws INVALID_OPTION for what is no address, or cannot be used with it. */
export function connectionTo(address: Addresses, credentials: Credentials): Connection {
  const addresses = parseAddresses(address);
  return { addresses, security: securityOf(credentials, addresses) };
}
