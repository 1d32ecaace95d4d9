import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { packageProblems } from "../../tools/check/package-contents.ts";

for (const folder of ["", "tools/node/"]) {
  test(`${folder}package.json / names exact versions, and its lockfile no download address`, () => {
    const manifest = JSON.parse(read(`${folder}package.json`));
    const versions = [manifest.dependencies, manifest.devDependencies, manifest.optionalDependencies].flatMap(
      (dependencies) => Object.entries(dependencies ?? {}),
    );
    assert.notEqual(versions.length, 0);
    for (const [name, version] of versions) assert.match(String(version), /^\d+\.\d+\.\d+(-[\w.]+)?$/, name);
    assert.doesNotMatch(read(`${folder}package-lock.json`), /"resolved": *"http/);
  });
}

test("package contents / tests, sources, missing protos and sheer size are reported", () => {
  const file = (path: string, size = 10) => ({ path, size });
  const good = [
    file("package.json"),
    file("dist/src/index.js"),
    file("dist/src/store/sqlite/schema.sql"),
    file("proto/a.proto"),
  ];
  assert.deepEqual(packageProblems(good, ["proto/a.proto"]), []);
  assert.equal(packageProblems([...good, file("test/a.test.ts")], []).length, 1);
  assert.equal(packageProblems([...good, file("src/index.ts")], []).length, 1);
  assert.equal(packageProblems([...good, file("dist/test/a.js")], []).length, 1);
  assert.equal(packageProblems(good, ["proto/b.proto"]).length, 1);
  assert.equal(packageProblems([...good, file("dist/src/big.js", 7 * 1024 * 1024)], []).length, 1);
});

function read(path: string): string {
  return readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
}
