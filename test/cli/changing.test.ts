import assert from "node:assert/strict";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { conveyor, serve } from "./conveyor.ts";
import { startShopWorker, startWorld, type World } from "./world.ts";

let world: World;
before(async () => {
  world = await startWorld({ store: ":memory:" });
});
after(() => world[Symbol.asyncDispose]());

interface JobJson {
  readonly id: string;
  readonly state: string;
  readonly reason?: string;
  readonly epoch?: number;
}

const mail = "shop.v1.SendEmail";
const chore = "shop.v1.Chore";

async function enqueue(type: string, args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await world.conveyor(["enqueue", type, ...args]);
  assert.equal(code, 0, stderr);
  return stdout.trim();
}

function show(id: string): Promise<JobJson> {
  return world.json<JobJson>(["job", "show", id]);
}

/** A job that died at its only attempt. */
async function deadChore(args: readonly string[]): Promise<string> {
  await using _worker = startShopWorker(world.broker.address);
  const id = await enqueue(chore, [...args, "--max-attempts", "1"]);
  assert.equal((await world.conveyor(["job", "wait", id])).code, 1);
  return id;
}

test("job cancel / cancels one job, says so, and changes nothing the second time", async () => {
  const id = await enqueue(mail, ["--in", "1h"]);
  const first = await world.conveyor(["job", "cancel", id]);
  assert.deepEqual([first.code, first.stdout, first.stderr], [0, `${id}  ⊘ cancelled\n`, ""]);
  const again = await world.json<JobJson>(["job", "cancel", id]);
  assert.deepEqual([again.state, again.reason], ["JOB_STATE_CANCELLED", "REQUESTED"]);
  assert.equal((await world.conveyor(["job", "cancel", "no-such-job"])).code, 3);
});

test("job cancel / an album takes its images along, and with --include-heirs those that run after a failure", async () => {
  await world.conveyor(["queue", "pause", "images"]);
  const worker = startShopWorker(world.broker.address);
  const id = await enqueue("shop.v1.MakeAlbum", ["-f", "folder=h", "-f", "images=2"]);
  await world.conveyor(["job", "wait", id, "--until", "ran"]);
  await worker[Symbol.asyncDispose]();
  const { code, stdout } = await world.conveyor(["job", "cancel", id, "--include-heirs"]);
  assert.equal(code, 0);
  assert.match(stdout, /awaiting children, cancel requested|⊘ cancelled/);
  assert.equal((await world.conveyor(["job", "wait", id])).code, 1);
  const { stdout: tree } = await world.conveyor(["chain", "show", id]);
  assert.match(tree, /4 jobs: ⊘ 4 cancelled/);
  await world.conveyor(["queue", "resume", "images"]);
});

test("job retry / runs a dead job again; with the epoch that was seen, a repeat changes nothing", async () => {
  const id = await deadChore(["-f", "script=fail once"]);
  const { state, epoch } = await world.json<JobJson>(["job", "retry", id, "--expected-epoch", "0"]);
  assert.deepEqual([state, epoch], ["JOB_STATE_READY", 1]);
  const repeated = await world.json<JobJson>(["job", "retry", id, "--expected-epoch", "0"]);
  assert.equal(repeated.epoch, 1);
  const { stdout } = await world.conveyor(["job", "show", id]);
  assert.match(stdout, /^counts {2,}1 attempt, 1 revival$/m);
  const ahead = await world.conveyor(["job", "retry", id, "--expected-epoch", "7"]);
  assert.equal(ahead.code, 2, ahead.stderr);
});

test("job retry / what cannot run again is refused with its code", async () => {
  const id = await enqueue(mail, ["--in", "1h"]);
  await world.conveyor(["job", "cancel", id]);
  const { code, stderr } = await world.conveyor(["job", "retry", id]);
  assert.deepEqual([code, /^conveyor: JOB_NOT_RETRYABLE: /.test(stderr)], [2, true], stderr);
});

test("job delete / removes a chain that has ended, and refuses one that has not", async () => {
  const id = await enqueue(mail, ["--in", "1h"]);
  const open = await world.conveyor(["job", "delete", id]);
  assert.deepEqual([open.code, /CHAIN_OPEN/.test(open.stderr)], [2, true], open.stderr);
  await world.conveyor(["job", "cancel", id]);
  assert.deepEqual(await world.json(["job", "delete", id]), { id, deleted: true });
  assert.equal((await world.conveyor(["job", "show", id])).code, 3);
});

test("bulk / jobs of a filter are counted, then cancelled", async () => {
  const ids = await Promise.all([1, 2, 3].map(() => enqueue(mail, ["--queue", "bulk", "--in", "1h"])));
  const other = await enqueue(mail, ["--queue", "other", "--in", "1h"]);
  const args = ["job", "cancel", "--queue", "bulk", "--state", "scheduled"];
  assert.deepEqual(await world.json([...args, "--dry-run"]), { matched: 3, dryRun: true });
  const unasked = await world.conveyor(args);
  assert.deepEqual([unasked.code, /would cancel 3 jobs; say --yes/.test(unasked.stderr)], [2, true], unasked.stderr);
  for (const id of [...ids, other]) assert.equal((await show(id)).state, "JOB_STATE_SCHEDULED");
  const done = await world.conveyor([...args, "--yes"]);
  assert.deepEqual([done.code, done.stdout, done.stderr], [0, "3 jobs cancelled\n", "3 jobs matched\n"]);
  for (const id of ids) assert.equal((await show(id)).state, "JOB_STATE_CANCELLED");
  assert.equal((await show(other)).state, "JOB_STATE_SCHEDULED");
  assert.deepEqual(await world.json(["job", "delete", "--queue", "bulk", "--state", "cancelled", "--yes"]), {
    matched: 3,
    changed: 3,
    refused: 0,
  });
});

test("queue purge / cancels what waits in the queue, in whatever state", async () => {
  await enqueue(mail, ["--queue", "purged"]);
  await enqueue(mail, ["--queue", "purged", "--in", "1h"]);
  const { stdout } = await world.conveyor(["queue", "purge", "purged", "-y"]);
  assert.equal(stdout, "2 jobs cancelled\n");
  assert.deepEqual(await world.json(["queue", "purge", "purged", "--dry-run"]), { matched: 0, dryRun: true });
});

test("dead retry / takes the jobs of one error, dead delete the rest", async () => {
  const queue = ["--queue", "default"];
  const ids = [
    await deadChore(["-f", "script=fail 1"]),
    await deadChore(["-f", "script=fail 2"]),
    await deadChore(["-f", "script=discard"]),
  ];
  interface Groups {
    readonly groups: readonly {
      readonly count: number;
      readonly errorFingerprint: string;
      readonly newestId: string;
    }[];
  }
  const { groups } = await world.json<Groups>(["dead", "list", ...queue]);
  const errorOf = (id: string | undefined) => groups.find(({ newestId }) => newestId === id)?.errorFingerprint ?? "";
  const errorFingerprint = errorOf(ids[1]);
  const table = await world.conveyor(["dead", "list", ...queue]);
  assert.ok(table.stdout.includes(errorFingerprint), table.stdout);
  const retried = await world.json(["dead", "retry", "--error", errorFingerprint, "--yes"]);
  assert.deepEqual(retried, { matched: 2, changed: 2, refused: 0 });
  const [, , discarded = ""] = ids;
  const deleted = await world.json(["dead", "delete", "--error", errorOf(discarded), "--yes"]);
  assert.deepEqual(deleted, { matched: 1, changed: 1, refused: 0 });
  assert.equal((await world.conveyor(["job", "show", discarded])).code, 3);
});

test("bulk / an id and a filter, or neither, are refused as usage", async () => {
  for (const command of ["cancel", "retry", "delete"]) {
    const both = await world.conveyor(["job", command, "some-id", "--queue", "mail"]);
    assert.deepEqual([both.code, /either an id or a filter/.test(both.stderr)], [2, true], both.stderr);
    for (const args of [[], ["--yes"], ["--all", "--yes"]]) {
      const neither = await world.conveyor(["job", command, ...args]);
      assert.deepEqual([neither.code, /id of a job, or a filter/.test(neither.stderr)], [2, true], neither.stderr);
    }
  }
});

test("job show / tells what the handler said last of its progress", async () => {
  await using _worker = startShopWorker(world.broker.address);
  const id = await enqueue(chore, ["-f", "script=progress"]);
  assert.equal((await world.conveyor(["job", "wait", id])).code, 0);
  const { stdout } = await world.conveyor(["job", "show", id]);
  assert.match(stdout, /^progress {2,}50 %, half\\nof it, \{"done":1\} \(attempt 1, \d{4}-.*Z\)$/m);
});

test("queue set / takes a retention for each way to end, and none goes back to the server's", async () => {
  const spans = ["--retention-completed", "1h", "--retention-cancelled", "30m", "--retention-dead", "7d"];
  const { stdout } = await world.conveyor(["queue", "set", "kept", ...spans]);
  assert.match(stdout, /^kept {2,}completed 1h, cancelled 30m, dead 7d$/m);
  interface QueueJson {
    readonly settings: Readonly<Record<string, unknown>>;
  }
  const { settings } = await world.json<QueueJson>(["queue", "set", "kept", "--retention-dead", "none"]);
  assert.deepEqual(settings, { completedRetention: "3600s", cancelledRetention: "1800s" });
});

test("serve --retention-cancelled / a broker that is started with it removes what was cancelled longer ago", async () => {
  const store = ["--store", `sqlite:${join(world.folder, "kept.db")}`];
  let id = "";
  {
    await using first = await serve(store);
    const address = ["--address", first.address];
    id = (await conveyor(["enqueue", "conveyor.v1.Group", "--in", "1h", ...address])).stdout.trim();
    assert.equal((await conveyor(["job", "cancel", id, ...address])).code, 0);
    await first.stop();
  }
  await using second = await serve([...store, "--retention-cancelled", "1ms"]);
  // Looked for at the start; each look here is a process of its own.
  for (let look = 0; look < 20; look++) {
    if ((await conveyor(["job", "show", id, "--address", second.address])).code === 3) return;
  }
  assert.fail("the cancelled job is still there");
});

test("serve / spans that are none are refused as usage", async () => {
  for (const flag of ["--retention-dead", "--drain-grace"]) {
    const { code, stderr } = await world.conveyor(["serve", "--store", ":memory:", flag, "soon"]);
    assert.deepEqual([code, stderr.includes(`${flag}: a span is`)], [2, true], stderr);
  }
});
