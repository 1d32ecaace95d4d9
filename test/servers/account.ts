import { execFileSync } from "node:child_process";

/** Whom a server runs as when it refuses to run as root. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

/** `nobody` where this process is root; undefined: as who we are. */
export function unprivileged(): Account | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const ask = (flag: string) => Number(execFileSync("id", [flag, "nobody"], { encoding: "utf8" }));
  return { uid: ask("-u"), gid: ask("-g") };
}
