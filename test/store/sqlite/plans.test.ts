import assert from "node:assert/strict";
import { test } from "node:test";
import type Database from "better-sqlite3";
import { cancelJob, remove, retryJob, stage } from "../conformance/ask.ts";
import { child, discard, failure, group, heir, job, success, tree } from "../jobs.ts";
import { type SqliteWorld, withWorld } from "./world.ts";

/** Small tables, parts that a statement itself bounds, and indexes that hold only what is due. */
const scanned = [
  "SCAN lane",
  "SCAN queue",
  "SCAN counter",
  "SCAN cascade",
  /SCAN up VIRTUAL TABLE/,
  "SCAN s",
  /SCAN job USING (COVERING )?INDEX job_propagate/,
  /SCAN job USING (COVERING )?INDEX job_due/,
  // Marks of what is due.
  "SCAN due",
  "SCAN pruning",
  "SCAN CONSTANT ROW",
  /SCAN \(subquery-\d+\)/,
  /SCAN stage USING (COVERING )?INDEX stage_(expand|over)/,
  /SCAN (due|barrier) USING (COVERING )?INDEX barrier_reviving/,
];

test("plans / no statement of any verb reads a table of jobs, payloads, attempts or sessions whole (8)", () =>
  withWorld(async (world, db) => {
    const texts = await statementsOf(world, db);
    const bad = [...texts].flatMap((text) => scansOf(db, text).map((scan) => `${scan}: ${text}`));
    assert.deepEqual(bad, []);
    assert.ok(texts.size > 50, `only ${texts.size} statements were seen`);
  }));

test("plans / no value makes SQLite prepare a statement afresh: limits are not bare parameters", () =>
  withWorld(async (world, db) => {
    const bare = [...(await statementsOf(world, db))].filter((text) => /LIMIT \?(?!\+0)/.test(text));
    assert.deepEqual(bare, []);
  }));

/** Every statement that a walk through all verbs prepares. */
async function statementsOf(world: SqliteWorld, db: Database.Database): Promise<ReadonlySet<string>> {
  const texts = new Set<string>();
  const prepare = db.prepare.bind(db);
  db.prepare = ((text: string) => {
    texts.add(text);
    return prepare(text);
  }) as typeof db.prepare;
  await walk(world);
  db.prepare = prepare;
  return texts;
}

async function walk(world: SqliteWorld): Promise<void> {
  const { store } = world;
  await store.updateQueue(job("any").queue, { maxConcurrency: 100_000 });
  await world.insert(
    tree(
      job("root"),
      child("one", { policy: "FAIL_FAST" }),
      child("two"),
      heir("after", { trigger: "SETTLED" }, child("leaf")),
    ),
    tree(
      group("group", { delayMs: 10 }),
      child("three"),
      heir("sum", { asResult: true }),
      heir("unwanted", { trigger: "ANY_FAILED" }),
    ),
    job("again", { type: "test.v1.Other" }),
  );
  await world.insert(job("again", { type: "test.v1.Other" }));
  await world.claim();
  await world.succeed("root");
  await world.claim();
  await world.end("one", discard());
  await world.upkeep();
  await world.succeed("two");
  world.advance(20);
  await world.drain((id, lease) => {
    if (id === "again" && lease.attempt === 1) return success([child("declared"), heir("heir")]);
    return success([], "done");
  });
  const session = await world.openSession({ ttlMs: 10 });
  await world.insert(job("lost"), job("kept"), tree(job("top"), child("below"), heir("top-heir")));
  const leases = await world.claim({ session });
  await store.leasePrincipal(world.lease("lost").leaseId);
  await world.renew(
    session,
    leases.map((lease) => lease.leaseId),
  );
  await store.resumeSession({ ...session, principal: "", ttlMs: 10, held: [] });
  await store.detachSession({ ...session, epoch: 2, graceMs: 1 });
  world.advance(400_000);
  await world.claim();
  await world.reap();
  await world.drain((id) => (id === "kept" ? failure() : success(id === "lost" ? [child("found")] : [])));
  await world.insert(job("twice"));
  const item = await world.claimItem();
  await world.commit({ claim: [item] });
  await world.commit({ claim: [{ ...item, again: true }] });
  await store.closeSession({ ...session, epoch: 2 });
  for (const filter of [{}, { rootId: job("root").id }, { parentId: job("root").id }, { queue: job("any").queue }]) {
    await store.listJobs({ states: ["DEAD"], includeChainFailed: false, ...filter }, { size: 2 });
    await store.listJobs({ states: [], includeChainFailed: true, ...filter }, { size: 2 });
  }
  await store.getChain(job("root").id, { depthMax: 10, size: 10 });
  await store.getQueue(job("any").queue);
  await store.getStatuses([job("root").id]);
  await world.get("root");
  await world.insert(tree(job("reader"), heir("reading")));
  await world.succeed((await world.claimIds())[0] ?? "", [child("read")]);
  await world.drain();
  await walkOfUsers(world);
}

/** Cancels, revivals, staged children, progress and removal. */
async function walkOfUsers(world: SqliteWorld): Promise<void> {
  const { store } = world;
  const inner = child("inner", { policy: "FAIL_FAST" }, child("dies"), child("left"), heir("late"));
  await world.insert(tree(job("wide"), inner, child("beside"), heir("last", { trigger: "SETTLED" })));
  await world.drain((id) => (id === "dies" ? discard() : success()));
  for (const id of ["dies", "inner", "wide"]) {
    await retryJob(world, id);
    await world.upkeep();
  }
  await world.drain();
  await world.insert(
    tree(job("stopped"), child("stopped-child"), heir("stopped-heir")),
    job("stages"),
    job("removed", { requestId: "r" }),
  );
  await cancelJob(world, "stopped", { includeHeirs: true });
  await world.claim();
  await stage(world, "stages", 1, [child("first", { key: "one" }), child("second")]);
  await stage(world, "stages", 2, [child("third", { key: "one" })]);
  await store.report([{ leaseId: world.lease("stages").leaseId, bytes: new Uint8Array(1) }]);
  const accepted = { ...success([heir("reads", { key: "two" })]), staged: 2 };
  await world.end("stages", accepted);
  await store.expand({ max: 1 });
  await world.upkeep();
  await world.drain();
  await remove(world, "removed");
  await world.insert(job("removed"), job("other", { requestId: "r", payload: "removed" }));
  await remove(world, "wide", 2);
  await store.prune({ max: 2 });
  await store.listJobs({ states: [], includeChainFailed: true, rootsOnly: true, updatedSince: 1 }, { size: 2 });
  world.advance(100 * 86_400_000);
  while ((await store.prune({ max: 10 })).more);
  await store.prune({ max: 10 });
}

/** What the statement reads whole that it must not. */
function scansOf(db: Database.Database, text: string): readonly string[] {
  if (!/^\s*(SELECT|UPDATE|DELETE|INSERT)/.test(text)) return [];
  const values = [...text.matchAll(/\?/g)].map(() => null);
  const plan = db.prepare<unknown[], { detail: string }>(`EXPLAIN QUERY PLAN ${text}`).all(...values);
  return plan
    .map(({ detail }) => detail)
    .filter((detail) => detail.startsWith("SCAN "))
    .filter((detail) => !scanned.some((each) => (typeof each === "string" ? detail === each : each.test(detail))));
}
