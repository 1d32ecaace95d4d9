import { statSync } from "node:fs";
import path from "node:path";

/** What `npm test -- …` was given, sorted for `node --test`. */
export interface TestArguments {
  readonly flags: readonly string[];
  /** Globs relative to the repository, at least one. */
  readonly patterns: readonly string[];
}

const everyTest = "test/**/*.test.ts";
const flagsWithoutValue: readonly string[] = [
  "--experimental-test-coverage",
  "--test-force-exit",
  "--test-only",
  "--test-update-snapshots",
  "--watch",
];

/** Sorts arguments into flags with their values and path filters; a folder stands for the tests below it. */
export function testArguments(args: readonly string[], root: string): TestArguments {
  const flags: string[] = [];
  const patterns: string[] = [];
  let valueFollows = false;
  for (const arg of args) {
    if (valueFollows || arg.startsWith("-")) flags.push(arg);
    else patterns.push(patternFor(arg, root));
    valueFollows = !valueFollows && arg.startsWith("--") && !arg.includes("=") && !flagsWithoutValue.includes(arg);
  }
  return { flags, patterns: patterns.length > 0 ? patterns : [everyTest] };
}

function patternFor(filter: string, root: string): string {
  const isFolder = statSync(path.resolve(root, filter), { throwIfNoEntry: false })?.isDirectory() ?? false;
  return isFolder ? `${filter.replace(/\/+$/, "")}/**/*.test.ts` : filter;
}
