import { globSync } from "node:fs";
import { capture, root } from "../command.ts";
import type { Outcome } from "./outcome.ts";

export interface PackedFile {
  readonly path: string;
  readonly size: number;
}

const allowed: readonly RegExp[] = [
  /^(package\.json|README\.md|CHANGELOG\.md|LICENSE|NOTICE)$/,
  /^dist\/(src|gen)\/.+\.(js|js\.map|d\.ts|sql|lua)$/,
  /^proto\/.+\.proto$/,
];
const unpackedBytesMax = 6 * 1024 * 1024;

/** What npm would publish, against what we mean to publish. */
export async function checkPackageContents(): Promise<Outcome> {
  const packed = await capture("npm", ["pack", "--dry-run", "--json"]);
  if (packed.code !== 0) return { kind: "failed", output: packed.output, hint: "npm pack failed" };
  const [listing] = JSON.parse(packed.stdout) as readonly { readonly files: readonly PackedFile[] }[];
  // Read at run time beside the modules that the compiler puts into dist.
  const beside = globSync("src/**/*.{sql,lua}", { cwd: root }).map((file) => `dist/${file}`);
  const required = ["LICENSE", "NOTICE", ...globSync("proto/**/*.proto", { cwd: root }), ...beside];
  const problems = packageProblems(listing?.files ?? [], required);
  if (problems.length === 0) return { kind: "passed" };
  return {
    kind: "failed",
    output: problems.join("\n"),
    hint: 'see "files" in package.json and the allow list in tools/check/package-contents.ts',
  };
}

/** One sentence for each file too many, each file missing, and for a package over its size bound. */
export function packageProblems(files: readonly PackedFile[], required: readonly string[]): readonly string[] {
  const paths = new Set(files.map((file) => file.path));
  const bytes = files.reduce((sum, file) => sum + file.size, 0);
  return [
    ...[...paths]
      .filter((path) => !allowed.some((pattern) => pattern.test(path)))
      .map((path) => `not ours to publish: ${path}`),
    ...required.filter((path) => !paths.has(path)).map((path) => `missing from the package: ${path}`),
    ...(bytes > unpackedBytesMax ? [`${bytes} bytes unpacked, the bound is ${unpackedBytesMax}`] : []),
  ];
}
