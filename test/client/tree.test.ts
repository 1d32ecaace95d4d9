import assert from "node:assert/strict";
import { test } from "node:test";
import {
  type Album,
  AlbumSchema,
  ChoreSchema,
  EmailSentSchema,
  MakeAlbumSchema,
  PublishAlbumSchema,
  ResizeImageSchema,
  SendEmailSchema,
  type Thumbnail,
} from "../../gen/shop/v1/shop_pb.ts";
import { group, type JobInfo, job } from "../../src/index.ts";
import { failing, soon } from "./failing.ts";
import { openWorld } from "./world.ts";

async function all(jobs: AsyncIterable<JobInfo>): Promise<JobInfo[]> {
  const list: JobInfo[] = [];
  for await (const each of jobs) list.push(each);
  return list;
}

test("tree / a group of children with an heir gives the heir's result", async () => {
  await using world = await openWorld();
  const worker = world
    .worker()
    .handle(ResizeImageSchema, ({ path, width }) => ({ path, width, height: width }))
    .handle(PublishAlbumSchema, async ({ title }, context) => {
      const thumbnails = await context.results<Thumbnail>(ResizeImageSchema);
      return { indexHtml: `${title}: ${thumbnails.map((each) => each.path).join(" ")}`, images: thumbnails.length };
    });
  const handle = await world.client.enqueueTree<Album>({
    job: group("holiday"),
    children: ["a", "b", "c"].map((path) => ({ job: job(ResizeImageSchema, { path, width: 3 }), key: path })),
    heirs: [{ job: job(PublishAlbumSchema, { title: "holiday" }), asResult: true }],
  });
  const before = await world.client.chain(handle.id);
  assert.deepEqual(before.totals, { AWAITING_CHILDREN: 1, READY: 3, HELD: 1 });
  assert.deepEqual(
    before.nodes.map((node) => [node.type, node.role, node.count, node.depth]),
    [
      ["conveyor.v1.Group", "ROOT", 1, 0],
      ["shop.v1.ResizeImage", "CHILD", 3, 1],
      ["shop.v1.PublishAlbum", "HEIR", 1, 1],
    ],
  );
  void worker.run();
  const album = await handle.result({ signal: soon() });
  assert.deepEqual([album.indexHtml, album.images], ["holiday: a b c", 3]);
  const below = await all(world.client.list({ parentId: handle.id, pageSize: 2 }));
  assert.deepEqual(
    below.map((each) => [each.key, each.role, each.state]),
    [
      ["a", "CHILD", "COMPLETED"],
      ["b", "CHILD", "COMPLETED"],
      ["c", "CHILD", "COMPLETED"],
      ["", "HEIR", "COMPLETED"],
    ],
  );
});

test("tree / nested levels keep their edges", async () => {
  await using world = await openWorld();
  const handle = await world.client.enqueueTree({
    job: job(MakeAlbumSchema, { folder: "top" }, { id: "top", priority: 4 }),
    children: [
      {
        job: job(MakeAlbumSchema, { folder: "sub" }),
        key: "sub",
        policy: "FAIL_FAST",
        children: [{ job: job(ChoreSchema, {}), policy: "IGNORE" }],
        heirs: [{ job: job(ChoreSchema, {}), trigger: "SETTLED" }],
      },
    ],
  });
  assert.equal(handle.id, "top");
  const [sub, ...below] = (await all(world.client.list({ rootId: "top" })))
    .filter((each) => each.role !== "ROOT")
    .toSorted((a, b) => a.depth - b.depth || a.role.localeCompare(b.role));
  assert.deepEqual([sub?.key, sub?.policy, sub?.holdReason, sub?.priority], ["sub", "FAIL_FAST", "PARENT", 4]);
  assert.deepEqual(
    below.map((each) => [each.role, each.policy, each.trigger, each.parentId]),
    [
      ["CHILD", "IGNORE", "SUCCEEDED", sub?.id],
      ["HEIR", "FAIL", "SETTLED", sub?.id],
    ],
  );
});

test("tree / what is no tree is refused and nothing of it is stored", async () => {
  await using world = await openWorld();
  const { client } = world;
  const child = { job: job(ChoreSchema, {}) };
  await assert.rejects(client.enqueueTree({} as never), failing("TREE_INVALID", "job(Schema"));
  await assert.rejects(client.enqueueTree({ ...child, children: [{} as never] }), failing("TREE_INVALID", "node 1"));
  await assert.rejects(
    client.enqueueTree({ ...child, children: [{ job: job(ChoreSchema, {}, { id: "x" }) }] }),
    failing("TREE_INVALID", "key"),
  );
  await assert.rejects(
    client.enqueueTree({ ...child, heirs: [{ ...child, policy: "FAIL_FAST" as never }] }),
    failing("TREE_INVALID"),
  );
  await assert.rejects(
    client.enqueueTree({
      ...child,
      children: [
        { ...child, key: "a" },
        { ...child, key: "a" },
      ],
    }),
    failing("DUPLICATE_KEY"),
  );
  await assert.rejects(
    client.enqueueTree({ ...child, children: [{ ...child, policy: "SHRUG" as never }] }),
    failing("INVALID_OPTION", "FAIL_FAST"),
  );
  await assert.rejects(
    client.enqueueTree({ ...child, children: Array(10_000).fill(child) }),
    failing("TREE_INVALID", "10000"),
  );
  assert.deepEqual(await all(client.list()), []);
});

test("result / a dead job is an error with its reason, its last error and what to look at", async () => {
  await using world = await openWorld();
  const worker = world.worker().handle(SendEmailSchema, (_, context) => {
    throw context.discard(new TypeError("no such user"));
  });
  void worker.run();
  const handle = await world.client.enqueue(SendEmailSchema, { to: "x" }, { id: "mail-1" });
  await assert.rejects(
    handle.result({ signal: soon() }),
    failing("JOB_FAILED", "mail-1", "DISCARDED", "TypeError: no such user", "conveyor job show mail-1"),
  );
  assert.equal((await handle.wait()).state, "DEAD");
});

test("result / a job without one, or with one that nobody can read, says so", async () => {
  await using world = await openWorld();
  const worker = world
    .worker()
    .handle(ChoreSchema, () => undefined)
    .handle(SendEmailSchema, () => ({ messageId: "1" }));
  void worker.run();
  const chore = await world.client.enqueue(ChoreSchema, {});
  await assert.rejects(chore.result({ signal: soon() }), failing("NO_RESULT", chore.id));
  const mail = await world.client.enqueue(SendEmailSchema, {});
  await mail.wait({ signal: soon() });
  await assert.rejects(world.client.handle(mail.id).result(), failing("NO_RESULT", "{ result: Schema }"));
  await assert.rejects(
    world.client.handle(mail.id, { result: AlbumSchema }).result(),
    failing("RESULT_TYPE_MISMATCH", "shop.v1.EmailSent"),
  );
  const sent = await world.client.handle(mail.id, { result: EmailSentSchema }).result();
  assert.equal(sent.messageId, "1");
});

test("result / waiting goes on over a restart of the broker, and ends with its signal", async () => {
  await using world = await openWorld();
  const handle = await world.client.enqueue(SendEmailSchema, {});
  const waiting = handle.result({ signal: soon() });
  waiting.catch(() => undefined);
  await world.stopBroker();
  await world.startBroker();
  const worker = world.worker().handle(SendEmailSchema, () => ({ messageId: "late" }));
  void worker.run();
  assert.ok(await waiting);
  const other = await world.client.enqueue(ChoreSchema, {});
  await assert.rejects(other.result({ signal: AbortSignal.timeout(20) }), failing("ABORTED"));
  await assert.rejects(world.client.get("nobody"), failing("JOB_NOT_FOUND", "nobody"));
});

test("result / RAN answers before what is below is done", async () => {
  await using world = await openWorld();
  const worker = world.worker().handle(MakeAlbumSchema, (_, context) => {
    context.child(ChoreSchema, {});
    return { indexHtml: "early" };
  });
  void worker.run();
  const handle = await world.client.enqueue(MakeAlbumSchema, {});
  const ran = await handle.wait({ until: "RAN", signal: soon() });
  assert.deepEqual([ran.state, ran.pendingChildren, ran.result?.type], ["AWAITING_CHILDREN", 1, "shop.v1.Album"]);
});

test("list / filters by state, type and queue", async () => {
  await using world = await openWorld();
  const { client } = world;
  await client.enqueue(ChoreSchema, {}, { id: "ready" });
  await client.enqueue(ChoreSchema, {}, { id: "later", delay: "1h" });
  await client.enqueue(SendEmailSchema, {}, { id: "mail" });
  const ids = async (options: Parameters<typeof client.list>[0]) =>
    (await all(client.list(options))).map((each) => each.id);
  assert.deepEqual(await ids({}), ["mail", "later", "ready"]);
  assert.deepEqual(await ids({ states: ["SCHEDULED"] }), ["later"]);
  assert.deepEqual(await ids({ type: SendEmailSchema }), ["mail"]);
  assert.deepEqual(await ids({ queue: "default", states: ["READY", "SCHEDULED"] }), ["later", "ready"]);
  const [full] = await all(client.list({ type: "shop.v1.SendEmail", full: true }));
  assert.equal(full?.payload?.type, "shop.v1.SendEmail");
  await assert.rejects(ids({ states: ["DONE" as never] }), failing("INVALID_OPTION", "COMPLETED"));
});

test("queue / settings are set, cleared and refused", async () => {
  await using world = await openWorld();
  const { client } = world;
  await assert.rejects(client.queue("mail"), failing("QUEUE_NOT_FOUND", "mail"));
  const set = await client.updateQueue("mail", {
    paused: true,
    maxConcurrency: 3,
    maxAttempts: 2,
    backoff: { kind: "FIXED", initial: "2s" },
    timeout: "1m",
    crashLimit: 9,
  });
  assert.deepEqual(
    [set.paused, set.maxConcurrency, set.maxAttempts, set.backoff?.initialMs, set.timeoutMs, set.crashLimit],
    [true, 3, 2, 2_000, 60_000, 9],
  );
  const cleared = await client.updateQueue("mail", { paused: false, maxConcurrency: null, backoff: null });
  assert.deepEqual(
    [cleared.paused, cleared.maxConcurrency, cleared.backoff, cleared.maxAttempts],
    [false, undefined, undefined, 2],
  );
  await assert.rejects(client.updateQueue("mail", { maxAttempts: 0 }), failing("INVALID_OPTION", "maxAttempts"));
  await assert.rejects(client.updateQueue("mail", { limit: 1 } as never), failing("INVALID_OPTION", "maxConcurrency"));
  await client.enqueue(SendEmailSchema, {});
  const info = await client.queue("mail");
  assert.deepEqual(info.counts, { READY: 1 });
  assert.deepEqual(
    info.types.map((each) => [each.type, each.workerCount]),
    [["shop.v1.SendEmail", 0]],
  );
});
