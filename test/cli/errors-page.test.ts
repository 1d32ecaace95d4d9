import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { errorStatus } from "../../src/core/errors.ts";

test("docs / errors.md has every code once, with its gRPC status", () => {
  const page = readFileSync(new URL("../../docs/errors.md", import.meta.url), "utf8");
  const rows = [...page.matchAll(/^\| `([A-Z_]+)` \| `([A-Z_]+)` \| \S/gm)].map(([, code, status]) => [code, status]);
  const byCode = (a: readonly unknown[], b: readonly unknown[]) => (String(a[0]) < String(b[0]) ? -1 : 1);
  assert.deepEqual(rows.sort(byCode), Object.entries(errorStatus).sort(byCode));
});
