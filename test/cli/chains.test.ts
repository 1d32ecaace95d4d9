import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { endOf, start } from "./conveyor.ts";
import { startShopWorker, startWorld, type World } from "./world.ts";

let world: World;
before(async () => {
  world = await startWorld();
});
after(() => world[Symbol.asyncDispose]());

interface ChainJson {
  readonly nodes: readonly { readonly type: string; readonly count: number; readonly state: string }[];
  readonly totals: readonly { readonly state: string; readonly count: string }[];
}

async function makeAlbum(fields: readonly string[], args: readonly string[] = []): Promise<string> {
  const { stdout } = await world.conveyor([
    "enqueue",
    "shop.v1.MakeAlbum",
    ...fields.flatMap((field) => ["-f", field]),
    ...args,
  ]);
  return stdout.trim();
}

test("chain show / draws children, collapses leaves that are alike, and joins them with the heir", async () => {
  await using _worker = startShopWorker(world.broker.address);
  const id = await makeAlbum(["folder=holiday", "images=3", "depth=1"]);
  await world.conveyor(["job", "wait", id]);
  const { code, stdout } = await world.conveyor(["chain", "show", id]);
  assert.equal(code, 0);
  const shape = stdout.replaceAll(/ {2}[0-9a-f-]{36}$/gm, "");
  assert.equal(
    shape,
    [
      "MakeAlbum ✓ completed",
      "├── ResizeImage × 3 ✓ completed",
      '├── MakeAlbum "below" ✓ completed',
      "│   ├── ResizeImage × 3 ✓ completed",
      "│   ╘═▶ PublishAlbum ✓ completed",
      "╘═▶ PublishAlbum ✓ completed",
      "",
      "10 jobs: ✓ 10 completed",
      "",
    ].join("\n"),
  );
  const json = await world.json<ChainJson>(["chain", "show", id]);
  assert.deepEqual(json.totals, [{ state: "JOB_STATE_COMPLETED", count: "10" }]);
  assert.equal(
    json.nodes.reduce((sum, { count }) => sum + count, 0),
    10,
  );
  const top = await world.json<ChainJson>(["chain", "show", id, "--depth", "0"]);
  assert.equal(top.nodes.length, 1);
});

test("chain show / a held heir says what it waits for", async () => {
  await world.conveyor(["queue", "pause", "images"]);
  const worker = startShopWorker(world.broker.address);
  const id = await makeAlbum(["folder=h", "images=2"]);
  await world.conveyor(["job", "wait", id, "--until", "ran"]);
  const { stdout } = await world.conveyor(["chain", "show", id]);
  assert.match(stdout, /^MakeAlbum ◒ awaiting children \(3 open directly below\)/);
  assert.match(stdout, /^├── ResizeImage × 2 ○ ready$/m);
  assert.match(stdout, /^╘═▶ PublishAlbum ‖ held when all succeeded/m);
  await world.conveyor(["queue", "resume", "images"]);
  await worker[Symbol.asyncDispose]();
});

test("chain show --watch / prints a line for each change off a screen, and ends when the chain is terminal", async () => {
  await world.conveyor(["queue", "pause", "images"]);
  await using _worker = startShopWorker(world.broker.address);
  const id = await makeAlbum(["folder=w", "images=4"]);
  await world.conveyor(["job", "wait", id, "--until", "ran"]);
  const watching = start(["chain", "show", id, "--watch", "--address", world.broker.address]);
  const ended = endOf(watching);
  await new Promise((resolve) => watching.stdout?.once("data", resolve));
  await world.conveyor(["queue", "resume", "images"]);
  const { code, stdout } = await ended;
  assert.equal(code, 0);
  const lines = stdout.trim().split("\n");
  assert.match(lines[0] ?? "", /Z {2}◒ awaiting children {2}6 jobs: .*4 ready/);
  assert.match(lines.at(-1) ?? "", /Z {2}✓ completed {2}6 jobs: ✓ 6 completed$/);
  assert.equal(new Set(lines.map((line) => line.slice(24))).size, lines.length, "each line is a change");
});

test("chain show --watch / with -o jsonl each change is one line of JSON; --timeout ends with 6", async () => {
  const id = await makeAlbum(["folder=x"], ["--in", "1h"]);
  const { code, stdout, stderr } = await world.conveyor([
    "chain",
    "show",
    id,
    "--watch",
    "--timeout",
    "100ms",
    "-o",
    "jsonl",
  ]);
  assert.equal(code, 6, stderr);
  const [line = ""] = stdout.trim().split("\n");
  assert.deepEqual((JSON.parse(line) as ChainJson).totals, [{ state: "JOB_STATE_SCHEDULED", count: "1" }]);
  assert.match(stderr, /TIMED_OUT/);
});

test("dead list / groups by error, and hides jobs that only what is below them killed unless --all", async () => {
  await using _worker = startShopWorker(world.broker.address);
  const ids: string[] = [];
  for (const script of ["fail 1", "fail 2", "discard"]) {
    const { stdout } = await world.conveyor([
      "enqueue",
      "shop.v1.Chore",
      "-f",
      `script=${script}`,
      "--max-attempts",
      "1",
    ]);
    ids.push(stdout.trim());
  }
  ids.push(await makeAlbum(["folder=broken", "images=2"]));
  for (const id of ids) assert.equal((await world.conveyor(["job", "wait", id])).code, 1);

  interface Groups {
    readonly groups: readonly {
      readonly count: number;
      readonly reason: string;
      readonly error?: { readonly name: string };
    }[];
  }
  const shown = (json: Groups) =>
    json.groups.map(({ count, reason, error }) => `${count} ${reason} ${error?.name}`).sort();
  const own = ["1 DISCARDED RangeError", "2 ATTEMPTS_EXHAUSTED TypeError", "2 DISCARDED Error"];
  assert.deepEqual(shown(await world.json<Groups>(["dead", "list"])), own);
  const all = shown(await world.json<Groups>(["dead", "list", "--all"]));
  assert.deepEqual(all, ["1 CHAIN_FAILED undefined", ...own]);

  const table = await world.conveyor(["dead", "list", "--type", "shop.v1.Chore"]);
  assert.match(table.stdout, /^JOBS .*\n {3}2 .*TypeError: cannot fail \d\n {3}1 .*RangeError: no such chore: 17\n$/);
  const list = await world.json<{ jobs: readonly unknown[] }>(["dead", "list", "--list"]);
  assert.equal(list.jobs.length, 5);
  const lines = await world.conveyor(["dead", "list", "--list", "--all", "-o", "jsonl"]);
  assert.equal(lines.stdout.trim().split("\n").length, 6);
});
