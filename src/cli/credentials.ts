import { ConveyorError } from "../core/errors.ts";
import type { Credentials, TlsOptions } from "../wire/credentials.ts";
import type { Arguments, Flag } from "./command.ts";
import { readSecretFile } from "./secret-file.ts";

/** Flags by which every command that calls a broker shows who it is. A token is never an argument: those can be listed by others. */
export const credentialFlags: Readonly<Record<string, Flag>> = {
  "token-file": { value: "FILE", help: "holds the token to show (else CONVEYOR_TOKEN_FILE, CONVEYOR_TOKEN)" },
  tls: { help: "speak TLS to the broker (or CONVEYOR_TLS=1); the --tls-… flags imply it" },
  "tls-ca": { value: "FILE", help: "authorities to trust, PEM (CONVEYOR_TLS_CA; default those of Node)" },
  "tls-cert": { value: "FILE", help: "certificate to show, PEM (CONVEYOR_TLS_CERT)" },
  "tls-key": { value: "FILE", help: "its private key, PEM (CONVEYOR_TLS_KEY)" },
  "tls-server-name": { value: "NAME", help: "name on the broker's certificate (CONVEYOR_TLS_SERVER_NAME)" },
  insecure: { help: "send a token in plain text beyond this machine (or CONVEYOR_INSECURE=1)" },
};

/** What flags and environment say; throws INVALID_OPTION for files that cannot be read. */
export function credentialsOf(args: Arguments, env: NodeJS.ProcessEnv): Credentials {
  const tls = tlsOf(args, env);
  return {
    token: tokenOf(args, env),
    tls: tls ?? (args.has("tls") || isSet(env, "CONVEYOR_TLS")),
    insecure: args.has("insecure") || isSet(env, "CONVEYOR_INSECURE"),
  };
}

function tokenOf(args: Arguments, env: NodeJS.ProcessEnv): string | undefined {
  const file = named(args, env, "token-file", "CONVEYOR_TOKEN_FILE");
  return file === undefined ? env.CONVEYOR_TOKEN || undefined : contentOf(file).trim();
}

function tlsOf(args: Arguments, env: NodeJS.ProcessEnv): TlsOptions | undefined {
  const pem = (flag: string, variable: string) => {
    const file = named(args, env, flag, variable);
    return file && contentOf(file);
  };
  const options = {
    ca: pem("tls-ca", "CONVEYOR_TLS_CA"),
    cert: pem("tls-cert", "CONVEYOR_TLS_CERT"),
    key: pem("tls-key", "CONVEYOR_TLS_KEY"),
    serverName: args.value("tls-server-name") ?? (env.CONVEYOR_TLS_SERVER_NAME || undefined),
  };
  return Object.values(options).some((each) => each !== undefined) ? options : undefined;
}

interface NamedFile {
  /** The flag or variable that named it. */
  readonly by: string;
  readonly path: string;
}

function named(args: Arguments, env: NodeJS.ProcessEnv, flag: string, variable: string): NamedFile | undefined {
  const path = args.value(flag);
  if (path !== undefined) return { by: `--${flag}`, path };
  const inherited = env[variable];
  return inherited ? { by: variable, path: inherited } : undefined;
}

function contentOf({ by, path }: NamedFile): string {
  try {
    return readSecretFile(path);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw new ConveyorError("INVALID_OPTION", `${by}: ${path} cannot be read: ${text}`, { cause: error });
  }
}

function isSet(env: NodeJS.ProcessEnv, variable: string): boolean {
  return /^(1|true|yes)$/i.test(env[variable] ?? "");
}
