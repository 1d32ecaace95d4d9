import { type BytePath, toBytes } from "./file-path.ts";

/** A line of a manifest: a file and the hash of its content. */
export interface ManifestLine {
  readonly path: BytePath;
  readonly sha256: string;
}

const escapes: Readonly<Record<string, string>> = { "\\": "\\\\", "\n": "\\n", "\r": "\\r" };
const unescapes: Readonly<Record<string, string>> = { "\\\\": "\\", "\\n": "\n", "\\r": "\r" };

/** The lines, sorted by path, in the form of `sha256sum`: a name with a backslash or a line break is escaped and its line begins with a backslash. */
export function formatLines(lines: readonly ManifestLine[]): Buffer {
  const sorted = [...lines].sort((a, b) => (a.path < b.path ? -1 : a.path > b.path ? 1 : 0));
  return toBytes(sorted.map(formatLine).join(""));
}

function formatLine({ path, sha256 }: ManifestLine): string {
  const escaped = path.replaceAll(/[\\\n\r]/g, (character) => escapes[character] ?? character);
  return `${escaped === path ? "" : "\\"}${sha256}  ${escaped}\n`;
}

/** The lines of a manifest; throws for one that is not in the form. */
export function parseLines(manifest: Buffer): readonly ManifestLine[] {
  const lines = manifest.toString("latin1").split("\n");
  if (lines.pop() !== "") throw new Error("the manifest ends within a line");
  return lines.map((line) => {
    const match = /^(\\?)([0-9a-f]{64}) {2}(.+)$/.exec(line);
    if (match === null) throw new Error(`no line of a manifest: ${line.slice(0, 200)}`);
    const [, escaped, sha256 = "", name = ""] = match;
    return { sha256, path: escaped === "" ? name : name.replaceAll(/\\[\\nr]/g, (pair) => unescapes[pair] ?? pair) };
  });
}
