import assert from "node:assert/strict";
import { test } from "node:test";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { type Any, anyUnpack } from "@bufbuild/protobuf/wkt";
import { FailurePolicy, JobRole, type JobSpecSchema, JobState, Trigger } from "../../gen/conveyor/v1/job_pb.ts";
import { type EnqueueItemSchema, JobService } from "../../gen/conveyor/v1/job_service_pb.ts";
import { ChoreSchema, SendEmailSchema, Urgency } from "../../gen/shop/v1/shop_pb.ts";
import type { ConveyorError } from "../../src/core/errors.ts";
import { fromRpcStatus } from "../../src/wire/error-status.ts";
import { callUnary } from "../../src/wire/unary.ts";
import { failingStore } from "./gated-store.ts";
import { shopRegistry } from "./shop-registry.ts";
import { chore, pack, startWorld } from "./world.ts";

type Spec = MessageInitShape<typeof JobSpecSchema>;
type Item = MessageInitShape<typeof EnqueueItemSchema>;

const bad: readonly { readonly what: string; readonly spec: Spec; readonly code: string; readonly path: string }[] = [
  { what: "an id of 129 characters", spec: { id: "x".repeat(129) }, code: "INVALID_NAME", path: "job.id" },
  { what: "a queue in capitals", spec: { queue: "MAIL" }, code: "INVALID_NAME", path: "job.queue" },
  { what: "no payload", spec: { content: { case: undefined } }, code: "PAYLOAD_INVALID", path: "job.payload" },
  {
    what: "a type that is no name",
    spec: { content: { case: "payload", value: { typeUrl: "x/9", value: new Uint8Array() } } },
    code: "INVALID_NAME",
    path: "job.payload.type_url",
  },
  {
    what: "a payload above 1 MiB",
    spec: { content: { case: "payload", value: pack(ChoreSchema, { ballast: new Uint8Array(1024 * 1024) }) } },
    code: "PAYLOAD_TOO_LARGE",
    path: "job.payload",
  },
  {
    what: "bytes that are not of the type",
    spec: { content: { case: "payload", value: { typeUrl: "x/shop.v1.Chore", value: new Uint8Array([0xff]) } } },
    code: "PAYLOAD_INVALID",
    path: "job.payload",
  },
  {
    what: "JSON of an unknown type",
    spec: { content: { case: "json", value: { type: "no.v1.Such", json: "{}" } } },
    code: "UNKNOWN_JOB_TYPE",
    path: "job.json.json",
  },
  {
    what: "JSON with a field too many",
    spec: { content: { case: "json", value: { type: "shop.v1.Chore", json: '{"nope":1}' } } },
    code: "PAYLOAD_INVALID",
    path: "job.json.json",
  },
  { what: "0 attempts", spec: { maxAttempts: 0 }, code: "INVALID_OPTION", path: "job.max_attempts" },
  {
    what: "a negative delay",
    spec: { start: { case: "delay", value: { seconds: -1n } } },
    code: "INVALID_OPTION",
    path: "job.delay",
  },
  {
    what: "a time-out of a year",
    spec: { timeout: { seconds: 31_536_000n } },
    code: "INVALID_OPTION",
    path: "job.timeout",
  },
  {
    what: "metadata above 4 KiB",
    spec: { metadata: { trace: "x".repeat(5_000) } },
    code: "INVALID_OPTION",
    path: "job.metadata",
  },
];

for (const { what, spec, code, path } of bad) {
  test(`enqueue / ${what} is refused as ${code} with its path, and nothing is stored`, async (t) => {
    const { call, store } = await startWorld(t, { schema: shopRegistry() });
    await assert.rejects(call.enqueueChore("", spec), (error: ConveyorError) => {
      assert.equal(error.code, code, error.message);
      assert.equal(error.details.fields?.[0]?.path, path);
      return true;
    });
    assert.deepEqual((await store.dump()).jobs, []);
  });
}

test("enqueue / the same id or request id twice is one job, other content is refused by name (3)", async (t) => {
  const { call } = await startWorld(t);
  const first = await call.enqueueChore("a", { id: "mine" });
  const again = await call.enqueueChore("a", { id: "mine" });
  assert.equal(again.id, first.id);
  const reject = (code: string) => (error: ConveyorError) => error.code === code && error.message.includes("mine");
  await assert.rejects(call.enqueueChore("b", { id: "mine" }), reject("JOB_ID_EXISTS"));
  await call.enqueueChore("c", { id: "mine-2", requestId: "once" });
  assert.equal((await call.enqueueChore("c", { requestId: "once" })).id, "mine-2");
  await assert.rejects(call.enqueueChore("d", { requestId: "once" }), reject("REQUEST_ID_REUSED"));
});

test("enqueue / a batch says of each item what became of it, an atomic one inserts nothing when one is bad (2)", async (t) => {
  const { client, call, store } = await startWorld(t);
  const items: Item[] = [chore("a", { id: "a" }), chore("b", { id: "b", queue: "NO" }), chore("c", { id: "c" })].map(
    (value) => ({
      item: { case: "job", value },
    }),
  );
  await assert.rejects(
    callUnary(client, JobService.method.enqueueBatch, { items, allOrNothing: true }),
    (error: ConveyorError) => error.code === "INVALID_NAME" && error.details.fields?.[0]?.path === "items[1].job.queue",
  );
  assert.equal((await store.dump()).jobs.length, 0);
  const { results } = await callUnary(client, JobService.method.enqueueBatch, { items });
  assert.deepEqual(
    results.map(({ id }) => id),
    ["a", "", "c"],
  );
  assert.equal(results[1]?.error && fromRpcStatus(results[1].error).code, "INVALID_NAME");
  await call.enqueueChore("other", { id: "taken" });
  await assert.rejects(
    callUnary(client, JobService.method.enqueueBatch, {
      items: [
        { item: { case: "job", value: chore("d", { id: "d" }) } },
        { item: { case: "job", value: chore("x", { id: "taken" }) } },
      ],
      allOrNothing: true,
    }),
    (error: ConveyorError) => error.code === "JOB_ID_EXISTS" && error.message.includes("items[1]"),
  );
  assert.equal(
    (await store.dump()).jobs.some(({ id }) => id === "d"),
    false,
  );
});

test("enqueue / a store that is away fails a call whose items all meet it, and else each item that does", async (t) => {
  const { store, outage } = await failingStore();
  const { client } = await startWorld(t, { store });
  outage.code = "STORE_UNAVAILABLE";
  const enqueue = (...queues: string[]) =>
    callUnary(client, JobService.method.enqueueBatch, {
      items: queues.map((queue) => ({ item: { case: "job" as const, value: chore("", { queue }) } })),
    });
  await assert.rejects(enqueue("a", "b"), (error: ConveyorError) => error.code === "STORE_UNAVAILABLE");
  for (const queues of [
    ["a", "NO"],
    ["NO", "a"],
  ]) {
    const { results } = await enqueue(...queues);
    assert.deepEqual(
      results.map(({ error }) => error && fromRpcStatus(error).code),
      queues.map((queue) => (queue === "NO" ? "INVALID_NAME" : "STORE_UNAVAILABLE")),
    );
  }
});

test("enqueue / more than 1,000 items are refused", async (t) => {
  const { call } = await startWorld(t);
  await assert.rejects(call.enqueueChores(1_001), (error: ConveyorError) => error.code === "BATCH_TOO_LARGE");
});

test("enqueue / the options of a known type apply, and those of the request overrule them", async (t) => {
  const { call } = await startWorld(t, { schema: shopRegistry() });
  const value = { content: { case: "payload" as const, value: pack(SendEmailSchema, { to: "a@b.c" }) } };
  const typed = await call.enqueue({ case: "job", value });
  assert.deepEqual({ queue: typed.queue, attempts: typed.maxAttempts }, { queue: "mail", attempts: 3 });
  const own = await call.enqueue({ case: "job", value: { ...value, queue: "vip", maxAttempts: 9 } });
  assert.deepEqual({ queue: own.queue, attempts: own.maxAttempts }, { queue: "vip", attempts: 9 });
});

test("enqueue / JSON of a known type is stored as its message", async (t) => {
  const { call } = await startWorld(t, { schema: shopRegistry() });
  const job = await call.enqueue({
    case: "job",
    value: {
      content: { case: "json", value: { type: "shop.v1.SendEmail", json: '{"to":"a@b.c","urgency":"URGENCY_HIGH"}' } },
    },
  });
  const stored = await call.getJob(job.id);
  const mail = stored.payload && anyUnpack(stored.payload, SendEmailSchema);
  assert.deepEqual({ to: mail?.to, urgency: mail?.urgency }, { to: "a@b.c", urgency: Urgency.HIGH });
});

test("enqueue / a tree runs its children, then its heir, whose result is the root's", async (t) => {
  const { call, worker } = await startWorld(t);
  const node = (role: JobRole, key: string, more: object = {}) => ({
    parentIndex: 0,
    node: { role, key, job: chore(key), ...more },
  });
  const root = await call.enqueue({
    case: "tree",
    value: {
      nodes: [
        { node: { job: chore("root") } },
        node(JobRole.CHILD, "one"),
        node(JobRole.CHILD, "two", { policy: FailurePolicy.IGNORE }),
        node(JobRole.HEIR, "heir", { asResult: true, trigger: Trigger.SETTLED }),
      ],
    },
  });
  const at = await worker();
  const order: string[] = [];
  while (order.length < 4) {
    for (const { key, leaseId } of await at.deliveries(1)) {
      order.push(key === "" ? "root" : key);
      if (key === "heir") {
        const { children } = await call.listChildResults({ leaseId });
        assert.deepEqual(
          children.map((child) => [child.key, scriptOf(child.result)]),
          [
            ["one", "one"],
            ["two", "two"],
          ],
        );
      }
      at.result({ leaseId, outcome: { case: "success", value: { result: pack(ChoreSchema, { script: key }) } } });
    }
  }
  assert.deepEqual([order[0], order[3]], ["root", "heir"]);
  const { job } = await call.waitJob(root.id);
  assert.equal(job?.state, JobState.COMPLETED);
  assert.equal(scriptOf(job?.result), "heir");
});

function scriptOf(result: Any | undefined): string | undefined {
  return result && anyUnpack(result, ChoreSchema)?.script;
}

test("enqueue / a tree that cannot be is refused with the path of the node", async (t) => {
  const { call } = await startWorld(t);
  const nodes = [{ node: { job: chore() } }, { parentIndex: 5, node: { role: JobRole.CHILD, job: chore() } }];
  await assert.rejects(
    call.enqueue({ case: "tree", value: { nodes } }),
    (error: ConveyorError) =>
      error.code === "TREE_INVALID" && error.details.fields?.[0]?.path === "tree.nodes[1].parent_index",
  );
});
