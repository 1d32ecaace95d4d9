import { ConveyorError } from "../core/errors.ts";
import type { Arguments } from "./command.ts";
import { readSecretFile } from "./secret-file.ts";

/**
 * The store to open: `--store`, else CONVEYOR_STORE, else `sqlite:conveyor.db`; a password of `--store-password-file`, else
 * CONVEYOR_STORE_PASSWORD_FILE, else CONVEYOR_STORE_PASSWORD is put into it. Throws INVALID_OPTION, never with the password.
 */
export function storeUrlOf(args: Arguments, env: NodeJS.ProcessEnv): string {
  const url = args.value("store") ?? (env.CONVEYOR_STORE || "sqlite:conveyor.db");
  const password = passwordOf(args, env);
  return password === undefined ? url : withPassword(url, password);
}

function passwordOf(args: Arguments, env: NodeJS.ProcessEnv): string | undefined {
  const flagged = args.value("store-password-file");
  const file = flagged ?? (env.CONVEYOR_STORE_PASSWORD_FILE || undefined);
  if (file === undefined) return env.CONVEYOR_STORE_PASSWORD || undefined;
  const by = flagged === undefined ? "CONVEYOR_STORE_PASSWORD_FILE" : "--store-password-file";
  const password = contentOf(by, file).replace(/\r?\n$/, "");
  if (password === "") throw new ConveyorError("INVALID_OPTION", `${by}: ${file} is empty`);
  return password;
}

function contentOf(by: string, file: string): string {
  try {
    return readSecretFile(file);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw new ConveyorError("INVALID_OPTION", `${by}: ${file} cannot be read: ${text}`, { cause: error });
  }
}

/** Not by the URL class: a store's URL may name several hosts, which that refuses. */
function withPassword(url: string, password: string): string {
  const [, scheme, user, rest] = /^([a-z][a-z0-9+.-]*:\/\/)(?:([^/?#]*)@)?(.*)$/is.exec(url) ?? [];
  if (scheme === undefined || rest === undefined) {
    throw new ConveyorError(
      "INVALID_OPTION",
      "a store password is given, and the store's URL is of a kind that takes none",
    );
  }
  if (user?.includes(":")) {
    throw new ConveyorError(
      "INVALID_OPTION",
      "a store password is given, and the store's URL has one too; leave one away",
    );
  }
  return `${scheme}${user ?? ""}:${encodeURIComponent(password)}@${rest}`;
}
