import { existsSync } from "node:fs";
import path from "node:path";
import { install } from "./install.mjs";
import { atLeast, scriptNodeMin } from "./version.mjs";

/**
 * The Node that runs the repository's scripts: this process's own where it is new enough, else the pinned one, which
 * is downloaded on first use. Throws, saying what to install, where no pinned Node exists for the platform.
 * @param {string} root
 * @returns {Promise<string>} the path of its executable
 */
export async function findNode(root) {
  if (atLeast(process.versions.node, scriptNodeMin)) return process.execPath;
  const name = pinnedPackage({ platform: process.platform, arch: process.arch, glibc: hasGlibc() });
  if (!name) {
    throw new Error(
      `Node ${process.versions.node} is too old: this repository's scripts need ${scriptNodeMin} or newer, and bring ` +
        "their own only on Linux (x64, arm64, glibc). Install Node 24 from https://nodejs.org and run the command again.",
    );
  }
  const directory = path.join(root, "tools", "node");
  await install({ directory, lock: path.join(root, ".cache", "install-node.lock"), what: "a Node of its own" });
  const node = path.join(directory, "node_modules", name, "bin", "node");
  if (!existsSync(node))
    throw new Error(`${node} is missing; delete tools/node/node_modules and run the command again`);
  return node;
}

/**
 * The npm package that holds a Node executable for a platform, if there is one.
 * @param {{ platform: string, arch: string, glibc: boolean }} machine
 * @returns {string | undefined}
 */
export function pinnedPackage({ platform, arch, glibc }) {
  if (platform !== "linux" || !glibc || (arch !== "x64" && arch !== "arm64")) return undefined;
  return `node-linux-${arch}`;
}

function hasGlibc() {
  const report = process.report?.getReport();
  return typeof report === "object" && "header" in report && "glibcVersionRuntime" in Object(report.header);
}
