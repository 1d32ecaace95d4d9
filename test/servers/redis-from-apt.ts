import { execFile } from "node:child_process";
import { existsSync, globSync, mkdirSync, renameSync, rmSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { withInstallLock } from "../../tools/bootstrap/install-lock.mjs";
import type { RedisBinary } from "./redis-binary.ts";

const cache = fileURLToPath(new URL("../../.cache", import.meta.url));
const folder = path.join(cache, `redis-${process.platform}-${process.arch}`);
const stepMsMax = 120_000;

/** Downloads and unpacks Debian's redis-server into `.cache` on first use; needs no root and installs nothing. */
export async function redisFromApt(): Promise<RedisBinary> {
  if (!existsSync(folder)) {
    await withInstallLock(path.join(cache, "install-redis.lock"), {}, async () => {
      if (!existsSync(folder)) await unpack();
    });
  }
  const libraries = new Set(globSync("root/{usr/,}lib/**/*.so*", { cwd: folder }).map((file) => path.dirname(file)));
  return {
    command: path.join(folder, "root/usr/bin/redis-server"),
    env: { LD_LIBRARY_PATH: [...libraries].map((each) => path.join(folder, each)).join(path.delimiter) },
  };
}

async function unpack(): Promise<void> {
  console.error("unpacking Debian's redis-server for the tests (once) ...");
  const work = `${folder}.new`;
  rmSync(work, { recursive: true, force: true });
  const archives = path.join(work, "archives");
  for (const each of ["lists/partial", "archives/partial", "root"]) {
    mkdirSync(path.join(work, each), { recursive: true });
  }
  // Lists and archives of our own: neither the system's state nor root's rights are touched.
  const options = [
    ["Dir::State::lists", path.join(work, "lists")],
    ["Dir::Cache", work],
    ["Dir::Cache::archives", archives],
    ["Debug::NoLocking", "1"],
    ["APT::Sandbox::User", ""],
    ["Acquire::Retries", "2"],
    ["Acquire::http::Timeout", "20"],
    ["Acquire::https::Timeout", "20"],
  ].flatMap(([name, value]) => ["-o", `${name}=${value}`]);
  const apt = (...args: string[]) => runStep("apt-get", [...options, "-q", ...args], archives);
  try {
    await apt("update");
    const plan = await apt("install", "--simulate", "--no-install-recommends", "redis-server");
    const packages = [...plan.matchAll(/^Inst (\S+)/gm)].flatMap((match) => match[1] ?? []);
    if (packages.length === 0) throw new Error("apt-get names no package to download");
    await apt("download", ...packages);
    for (const file of globSync("*.deb", { cwd: archives })) {
      await runStep("dpkg-deb", ["--extract", file, path.join(work, "root")], archives);
    }
    for (const each of ["lists", "archives"]) rmSync(path.join(work, each), { recursive: true, force: true });
    renameSync(work, folder);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function runStep(command: string, args: readonly string[], cwd: string): Promise<string> {
  try {
    const env = { ...process.env, LC_ALL: "C", DEBIAN_FRONTEND: "noninteractive" };
    const { stdout } = await promisify(execFile)(command, args, { cwd, env, timeout: stepMsMax, maxBuffer: 16e6 });
    return stdout;
  } catch (error) {
    const { code, killed, stderr } = error as { code?: string | number; killed?: boolean; stderr?: string }; // as execFile throws it
    if (code === "ENOENT") throw new Error(`there is no ${command} here`);
    if (killed) throw new Error(`${command} took longer than ${stepMsMax / 1_000} s`);
    throw new Error(`${command}: ${(stderr ?? "").trim().split("\n").at(-1)}`);
  }
}
