import { lstatSync, realpathSync } from "node:fs";
import { relative, resolve, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

export interface Options {
  /** The project's folder: paths in a manifest are relative to it. */
  readonly root: string;
  /** The folder to scan, relative to it. */
  readonly folder: string;
  /** End when the manifest has been checked. */
  readonly once: boolean;
}

const usage = "usage: npm start [-- [--once] [FOLDER]]";

/** What was typed after `npm start --`; throws with the usage for anything else, or a folder that is none. */
export function parseOptions(argv: readonly string[]): Options {
  const { values, positionals } = parse(argv);
  if (positionals.length > 1) throw new Error(`one folder at a time, please\n${usage}`);
  const root = resolve(fileURLToPath(new URL("../..", import.meta.url)));
  // npm runs scripts in the project's folder, and says here where it was called.
  const given =
    positionals[0] === undefined ? resolve(root, "node_modules") : resolve(process.env.INIT_CWD ?? ".", positionals[0]);
  // What is a link is scanned where it points to: no link within is followed.
  const stat = lstatSync(given, { throwIfNoEntry: false });
  const target = stat?.isSymbolicLink() ? realpathSync(given) : given;
  if (!lstatSync(target, { throwIfNoEntry: false })?.isDirectory()) throw new Error(`${given} is no folder\n${usage}`);
  const folder = relative(root, target).split(sep).join("/");
  return { root, folder: folder === "" ? "." : folder, once: values.once === true };
}

function parse(argv: readonly string[]) {
  try {
    return parseArgs({ args: [...argv], options: { once: { type: "boolean" } }, allowPositionals: true });
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : String(error)}\n${usage}`, { cause: error });
  }
}
