import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";

const module = new URL("../../src/cli/young-heap.ts", import.meta.url).href;

/** Makes objects that outlive one collection or two, as jobs under way do, and prints how large the young generation became. */
const program = (start: string): string => `
  import { setImmediate as turn } from "node:timers/promises";
  import { getHeapSpaceStatistics } from "node:v8";
  import { boundYoungHeap } from ${JSON.stringify(module)};
  ${start}
  const size = () => getHeapSpaceStatistics().find((space) => space.space_name === "new_space").space_size;
  let kept = [];
  let largest = 0;
  for (const end = Date.now() + 60_000; Date.now() < end && largest < 100 * 1024 * 1024; ) {
    for (let index = 0; index < 2_000; index += 1) kept.push({ index, text: String(index), more: [index] });
    if (kept.length > 200_000) kept = [];
    largest = Math.max(largest, size());
    made += 1;
    if (made > 4_000) break;
    await turn();
  }
  console.log(largest);`;

async function largest(start: string): Promise<number> {
  const args = ["--input-type=module", "--eval", `let made = 0;${program(start)}`];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return Number(stdout) / 1024 / 1024;
}

test("heap / its young generation stays small in a broker under load, and would not by itself", async () => {
  const [bound, free] = await Promise.all([largest("boundYoungHeap();"), largest("")]);
  assert.ok(free > 100, `${free} MiB without a bound: nothing is shown`);
  assert.ok(bound <= 70, `${bound} MiB`);
});
