import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { conveyor } from "./conveyor.ts";

test("demo / shows a chain to its end in an empty folder, with nothing but itself, and leaves nothing", async () => {
  const folder = await mkdtemp(join(tmpdir(), "conveyor-demo-"));
  try {
    // The compile cache of Node is no file of the demo.
    const env = { TMPDIR: folder, NODE_DISABLE_COMPILE_CACHE: "1" };
    const { code, stdout, stderr } = await conveyor(["demo"], { cwd: folder, env });
    assert.equal(code, 0, stderr);
    const lines = stdout.trim().split("\n");
    assert.ok(
      lines.some((line) => /↻ \d retrying/.test(line)),
      stdout,
    );
    assert.match(lines.at(-3) ?? "", /Z {2}✓ completed {2}11 jobs: ✓ 11 completed$/);
    assert.match(lines.at(-1) ?? "", /picture-1-320\.jpg, .*, picture-9-320\.jpg$/);
    assert.deepEqual(await readdir(folder), []);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});

test("demo / -o json is a line of JSON for each change, and one for the result", async () => {
  const { code, stdout, stderr } = await conveyor(["demo", "-o", "json"]);
  assert.equal(code, 0, stderr);
  const lines = stdout.trim().split("\n");
  const [last] = lines.splice(-1).map((line) => JSON.parse(line) as { result: { thumbnails: readonly string[] } });
  assert.equal(last?.result.thumbnails.length, 9);
  for (const line of lines) assert.ok("totals" in (JSON.parse(line) as object), line);
});

test("demo / --timeout ends it with 6 when it takes longer", async () => {
  const { code, stderr } = await conveyor(["demo", "--timeout", "300ms"]);
  assert.equal(code, 6, stderr);
  assert.match(stderr, /TIMED_OUT/);
});
