import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { stripTypeScriptTypes } from "node:module";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { nodeMin, nodeRefusal } from "../../src/cli/node-version.ts";

test("old Node / the version check says which Node is needed", () => {
  for (const version of ["20.20.2", "18.0.0", "22.22.1", "22.9.9", "0.12.0"]) {
    assert.match(nodeRefusal(version) ?? "", /^NODE_TOO_OLD: .*needs 22\.22\.2 or newer/, version);
  }
  for (const version of ["22.22.2", "22.23.0", "24.14.1", "100.0.0", "23.0.0-nightly"]) {
    assert.equal(nodeRefusal(version), undefined, version);
  }
});

test("old Node / package.json asks for the same version", () => {
  const json: unknown = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8"));
  assert.deepEqual((json as { engines: unknown }).engines, { node: `>=${nodeMin}` });
});

test("old Node / conveyor ends with status 7 before it loads anything", () => {
  const folder = mkdtempSync(join(tmpdir(), "conveyor-old-node-"));
  try {
    // As the published package has them: plain JavaScript, since an old Node cannot strip types.
    for (const name of ["main", "node-version"]) {
      const source = readFileSync(fileURLToPath(new URL(`../../src/cli/${name}.ts`, import.meta.url)), "utf8");
      const script = stripTypeScriptTypes(source).replaceAll('.ts"', '.js"');
      writeFileSync(join(folder, `${name}.js`), script);
    }
    writeFileSync(join(folder, "package.json"), '{"type":"module"}');
    const [node = "", ...flags] = oldNode() ?? pretendedNode(folder);
    const args = [...flags, join(folder, "main.js"), "serve"];
    const { status, stdout, stderr } = spawnSync(node, args, { encoding: "utf8" });
    assert.equal(status, 7, stderr);
    assert.match(stderr, /^conveyor: NODE_TOO_OLD: Node .* is too old .*22\.22\.2/);
    assert.equal(stdout, "");
  } finally {
    rmSync(folder, { recursive: true });
  }
});

/** This Node, saying that it is an old one: for machines without. */
function pretendedNode(folder: string): readonly string[] {
  const script = join(folder, "pretend.cjs");
  writeFileSync(script, 'Object.defineProperty(process.versions, "node", { value: "20.20.2" });');
  return [process.execPath, "--require", script];
}

/** One on the PATH that is too old for Conveyor. */
function oldNode(): readonly string[] | undefined {
  const folders = (process.env.PATH ?? "").split(delimiter).filter((folder) => folder !== "");
  const found = folders
    .map((folder) => join(folder, process.platform === "win32" ? "node.exe" : "node"))
    .find((node) => {
      try {
        return (
          nodeRefusal(execFileSync(node, ["-p", "process.versions.node"], { encoding: "utf8" }).trim()) !== undefined
        );
      } catch {
        return false;
      }
    });
  return found === undefined ? undefined : [found];
}
