import assert from "node:assert/strict";
import { test } from "node:test";
import { retryJob, stage } from "../conformance/ask.ts";
import { child, heir, job, release, success, tree } from "../jobs.ts";
import { withWorld } from "./world.ts";

const over = 2 ** 31 + 7;

test("numbers / all verbs work when more than 2^31 jobs were ever there (73)", () =>
  withWorld(async (world, { sql }) => {
    await sql(`ALTER SEQUENCE {schema}.job_seq RESTART WITH ${over}`);
    const { store } = world;
    await world.insert(job("plain"), tree(job("root"), child("child", { key: "one" }), heir("heir")));
    const [highest] = await sql("SELECT max(seq)::text AS seq FROM {schema}.job");
    assert.equal(highest?.seq, String(over + 3));
    assert.deepEqual([...(await world.claimIds())].sort(), ["plain", "root"]);
    await world.end("plain", release);
    await world.succeed("root", [child("declared")]);
    await world.drain(() => success([], "done"));
    await world.expect({ plain: "COMPLETED", root: "COMPLETED", child: "COMPLETED", heir: "COMPLETED" });
    const page = await store.listJobs({ states: [], includeChainFailed: true }, { size: 2 });
    const { cursor } = page;
    assert.equal(page.items.length, 2);
    const next = await store.listJobs({ states: [], includeChainFailed: true }, { size: 10, cursor });
    assert.equal(next.items.length, 3);
    const chain = await store.getChain(job("root").id, { depthMax: 10, size: 1 });
    assert.notEqual(chain?.cursor, undefined);
    world.advance(2 * 86_400_000);
    assert.equal((await store.prune({ max: 100 })).count, 5);
    assert.deepEqual((await store.dump()).jobs, []);
    assert.deepEqual(await world.insert(job("plain")), ["plain"], "what is remembered is found");
  }));

test("numbers / an epoch and a frame's number may be as high as the wire has them (73)", () =>
  withWorld(async (world) => {
    await world.insert(job("a"));
    const refused = { kind: "refused", why: "EPOCH", state: "READY", blocker: undefined };
    assert.deepEqual((await retryJob(world, "a", 2 ** 32 - 1)).answer, refused);
    await world.claim();
    const seq = Number.MAX_SAFE_INTEGER;
    assert.deepEqual(await stage(world, "a", seq, [child("late")]), { kind: "gap", expected: 1 });
  }));
