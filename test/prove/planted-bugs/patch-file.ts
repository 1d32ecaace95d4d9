import { readFileSync } from "node:fs";
import path from "node:path";

/** A planted bug: a unified diff with a header of `# what:`, `# file:` and `# must fail:` lines. */
export interface PatchFile {
  readonly name: string;
  readonly location: string;
  /** What is broken, in words. */
  readonly what: string;
  /** Test files that hold the tests named. */
  readonly files: readonly string[];
  /** The store whose driver it breaks, as its cases name it; empty: it breaks something else. */
  readonly engine: string;
  /** Tests that must fail: their own title, or the end of it with the suites around it. */
  readonly mustFail: readonly string[];
  /** What is wrong with the patch itself. */
  readonly problems: readonly string[];
}

const behaviourLinesMax = 5;

export function readPatchFile(location: string): PatchFile {
  const lines = readFileSync(location, "utf8").split("\n");
  const header = (key: string) =>
    lines.filter((line) => line.startsWith(`# ${key}: `)).map((line) => line.slice(key.length + 4).trim());
  const added = lines.filter((line) => line.startsWith("+") && !line.startsWith("+++"));
  const removed = lines.filter((line) => line.startsWith("-") && !line.startsWith("---"));
  const targets = lines.filter((line) => /^(---|\+\+\+) /.test(line)).map((line) => line.slice(4).trim());
  const changed = Math.max(added.filter(isBehaviour).length, removed.filter(isBehaviour).length);
  const problems = [
    ...(header("what").length === 1 ? [] : ['it needs one line "# what: …"']),
    ...(header("file").length > 0 ? [] : ['it needs a line "# file: test/…"']),
    ...(header("must fail").length > 0 ? [] : ['it needs a line "# must fail: TITLE"']),
    ...(changed === 0 ? ["it changes nothing"] : []),
    ...(changed <= behaviourLinesMax ? [] : [`it changes ${changed} lines, ${behaviourLinesMax} are allowed`]),
    ...(targets.every((target) => /^[ab]\/src\//.test(target)) ? [] : ["it changes files outside src"]),
    ...(added.some((line) => /\bthrow\b|\breject\(|process\.exit|\bassert\b|\bRAISE\b|\berror\(|error_reply/.test(line))
      ? ["it adds a throw"]
      : []),
  ];
  return {
    name: path.basename(location, ".patch"),
    location,
    what: header("what")[0] ?? "",
    files: header("file"),
    engine: /^b\/src\/store\/([a-z]+)\//.exec(targets.at(-1) ?? "")?.[1] ?? "",
    mustFail: header("must fail"),
    problems,
  };
}

/** Blank lines and comments are no behaviour. */
function isBehaviour(line: string): boolean {
  const text = line.slice(1).trim();
  return (
    text !== "" && !text.startsWith("//") && !text.startsWith("*") && !text.startsWith("/*") && !text.startsWith("--")
  );
}
