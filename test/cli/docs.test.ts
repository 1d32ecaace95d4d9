import assert from "node:assert/strict";
import { existsSync, globSync, readFileSync } from "node:fs";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("../..", import.meta.url));
const pages = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", ...globSync("docs/**/*.md", { cwd: root })];

for (const page of pages) {
  test(`docs / every file that ${page} leads to exists`, () => {
    const text = readFileSync(path.join(root, page), "utf8");
    const links = [...text.matchAll(/\]\(([^)#]+?)(?:#[^)]*)?\)/g)].map((match) => match[1] ?? "");
    const local = links.filter((link) => !/^[a-z]+:/.test(link)).map((link) => path.join(path.dirname(page), link));
    const named = [...text.matchAll(/`((?:src|test|tools|proto|examples|bench)\/[\w./-]*)`/g)].map(
      (match) => match[1] ?? "",
    );
    for (const file of [...local, ...named]) assert.ok(existsSync(path.join(root, file)), `${page}: ${file}`);
  });
}

test("docs / README and semantics.md say the guarantees in the same words", () => {
  const guarantees = (page: string) =>
    [...readFileSync(path.join(root, page), "utf8").matchAll(/^(\d)\. (\*\*[\s\S]*?)(?=^\d\. |^\n|^$)/gm)].map(
      (match) => (match[2] ?? "").replaceAll(/\s+/g, " ").trim(),
    );
  const [first, second] = [guarantees("README.md"), guarantees("docs/semantics.md")];
  assert.equal(first.length, 5);
  assert.deepEqual(second, first);
});
