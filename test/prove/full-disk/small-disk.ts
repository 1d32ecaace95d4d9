import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, closeSync, mkdirSync, openSync, rmSync, writeSync } from "node:fs";
import path from "node:path";

/** A disk of its own in memory, which only this process and its children see. */
export interface SmallDisk {
  readonly folder: string;
  /** Takes all room that is left. */
  fill(): void;
  /** Gives it back. */
  free(): void;
}

const chunk = Buffer.alloc(64 * 1024, 1);
const page = Buffer.alloc(4 * 1024, 1);

/** As root; else as a user who may have mounts of his own. The account stays who it is: PostgreSQL does not run as root. */
const ways: readonly (readonly string[])[] = [["--mount"], ["--user", "--mount", "--map-current-user", "--keep-caps"]];

/** The command that gives a process mounts of its own; throws, with all that was tried, where this machine has none. */
export function ownMounts(): readonly string[] {
  const said: string[] = [];
  for (const flags of ways) {
    const args = [...flags, "mount", "-t", "tmpfs", "-o", "size=1M", "tmpfs", "/mnt"];
    const { status, stderr, error } = spawnSync("unshare", args, { encoding: "utf8" });
    if (status === 0) return ["unshare", ...flags];
    said.push(`unshare ${args.join(" ")}: ${error?.message ?? stderr.trim()}`);
  }
  throw new Error(`this machine lets us have no small disk:\n  ${said.join("\n  ")}`);
}

/** Mounts it; to be called by a process with mounts of its own, with whose end it is gone. */
export function mountSmallDisk(folder: string, megabytes: number): SmallDisk {
  mkdirSync(folder, { recursive: true });
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${megabytes}M,mode=0777`, "tmpfs", folder]);
  chmodSync(folder, 0o777);
  const ballast = path.join(folder, "ballast");
  return {
    folder,
    fill() {
      const file = openSync(ballast, "a");
      for (const piece of [chunk, page]) {
        try {
          for (;;) writeSync(file, piece);
        } catch (error) {
          if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
        }
      }
      closeSync(file);
    },
    free: () => rmSync(ballast, { force: true }),
  };
}
