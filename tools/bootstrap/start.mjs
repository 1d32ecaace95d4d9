import path from "node:path";
import { fileURLToPath } from "node:url";
import { endLike, run } from "./child.mjs";
import { install } from "./install.mjs";
import { findNode } from "./node.mjs";

const root = fileURLToPath(new URL("../..", import.meta.url));

/**
 * Installs what is missing, then runs `script` with a Node that is new enough and ends as it ends.
 * @param {readonly string[]} argv the script, relative to the repository, and its arguments
 */
export async function start([script, ...args]) {
  if (!script) throw new Error("usage: node tools/bootstrap.mjs <script> [arguments]");
  const [node] = await Promise.all([
    findNode(root),
    install({ directory: root, lock: path.join(root, ".cache", "install.lock"), what: "dependencies" }),
  ]);
  const env = childEnvironment(process.env, { node, bin: path.join(root, "node_modules", ".bin") });
  endLike(await run(node, [path.resolve(root, script), ...args], { env, cwd: root }));
}

/**
 * The environment in which `node`, by name, is the given executable, and the repository's tools are found first.
 * @param {NodeJS.ProcessEnv} env
 * @param {{ node: string, bin: string }} paths
 * @returns {NodeJS.ProcessEnv}
 */
export function childEnvironment(env, { node, bin }) {
  // Windows spells it Path, and a second spelling beside it would be a coin toss.
  const key = Object.keys(env).find((name) => name.toUpperCase() === "PATH") ?? "PATH";
  const search = [bin, path.dirname(node), env[key]].filter(Boolean).join(path.delimiter);
  return { ...env, [key]: search, NODE: node, npm_node_execpath: node };
}
