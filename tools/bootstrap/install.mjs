import { createHash } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { run } from "./child.mjs";
import { withInstallLock } from "./install-lock.mjs";

/**
 * Makes `node_modules` of the package in `directory` match its lockfile: `npm ci` when the stamp that the last install
 * left says otherwise, nothing when it is current. Bootstraps started together install once, one after the other.
 * @param {{ directory: string, lock: string, what: string }} options
 */
export async function install({ directory, lock, what }) {
  if (isCurrent(directory)) return;
  await withInstallLock(
    lock,
    { onWait: () => console.error(`waiting for another install of ${what} ...`) },
    async () => {
      if (isCurrent(directory)) return;
      const started = performance.now();
      console.error(`installing ${what} (once) ...`);
      await npmCi(directory);
      writeFileSync(stampFile(directory), wantedStamp(directory));
      console.error(`installed ${what} in ${((performance.now() - started) / 1000).toFixed(1)} s`);
    },
  );
}

/**
 * The stamp of an install: the lockfile and the platform it was made for.
 * @param {string | Buffer} lockfile
 * @param {string} platform
 * @returns {string}
 */
export function stampOf(lockfile, platform) {
  return createHash("sha256").update(lockfile).update(platform).digest("hex");
}

/**
 * @param {string} directory
 */
function isCurrent(directory) {
  try {
    return readFileSync(stampFile(directory), "utf8") === wantedStamp(directory);
  } catch {
    return false;
  }
}

/**
 * @param {string} directory
 */
function stampFile(directory) {
  // Inside node_modules, which `npm ci` empties first: an install that broke off leaves no stamp.
  return path.join(directory, "node_modules", ".conveyor-install");
}

/**
 * @param {string} directory
 */
function wantedStamp(directory) {
  return stampOf(readFileSync(path.join(directory, "package-lock.json")), `${process.platform}-${process.arch}`);
}

/**
 * @param {string} directory
 */
async function npmCi(directory) {
  const args = ["ci", "--prefix", directory, "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  const npm = process.env.npm_execpath;
  const options = { cwd: directory };
  // The npm that started us where there is one: on Windows `npm` itself is a script that only a shell can start.
  const { code, signal } = npm?.endsWith("npm-cli.js")
    ? await run(process.execPath, [npm, ...args], options)
    : await run("npm", args, { ...options, shell: process.platform === "win32" });
  if (code !== 0) throw new Error(`npm ci in ${directory} ended with ${signal ?? code}; nothing was started`);
}
