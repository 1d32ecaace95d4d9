// Items 10, 18 and 44 of the conformance list over gRPC: one broker on a SQLite file, four worker processes.
import assert from "node:assert/strict";
import { test } from "node:test";
import { AlbumSchema, ChoreSchema, MakeAlbumSchema } from "../../gen/shop/v1/shop_pb.ts";
import { connect } from "../../src/index.ts";
import { checkInvariants } from "../../src/store/invariants.ts";
import type { StartReport } from "./crew-member.ts";
import type { AckReport } from "./late-member.ts";
import { startMembers } from "./members.ts";
import { startWorld, type World } from "./world.ts";

const workers = 4;

test("four workers / no job is handed out twice (10)", async () => {
  const jobs = 1_000;
  await using world = await startWorld();
  await using members = startMembers<StartReport>("crew-member.ts", [world.address, "8"], workers);
  await using client = connect(world.address);
  await Promise.all(Array.from({ length: jobs }, (_, index) => client.enqueue(ChoreSchema, { script: `${index}` })));
  await drained(world, jobs);
  await members.until((reports) => reports.length >= jobs);
  assert.equal(new Set(members.reports.map((report) => report.id)).size, jobs);
  assert.deepEqual(
    members.reports.filter((report) => report.attempt !== 1),
    [],
  );
  assert.equal(members.reports.length, jobs);
});

test("four workers / the last siblings that settle at once release the heir exactly once (44)", async () => {
  const chains = 150;
  const images = workers;
  await using world = await startWorld();
  await using members = startMembers<StartReport>("crew-member.ts", [world.address, "2"], workers);
  await using client = connect(world.address);
  const albums = await Promise.all(
    Array.from({ length: chains }, (_, index) =>
      client.enqueue(MakeAlbumSchema, { folder: `f${index}`, images }, { result: AlbumSchema }),
    ),
  );
  const results = await Promise.all(albums.map((album) => album.result({ signal: AbortSignal.timeout(60_000) })));
  for (const result of results) assert.equal(result.images, images);
  await drained(world, chains * (1 + images + 1));
  const heirs = members.reports.filter((report) => report.type === "shop.v1.PublishAlbum");
  assert.equal(heirs.length, chains);
  assert.equal(new Set(heirs.map((report) => report.id)).size, chains);
});

test("four workers / the reaper never overwrites a result that raced it (18)", async () => {
  const jobs = 200;
  const sessionTtlMs = 300;
  await using world = await startWorld({
    sessionTtlMs,
    heartbeatMs: 10_000,
    resumeGraceMs: 50,
    tickMs: 20,
    pollMs: 50,
  });
  await using client = connect(world.address);
  await client.updateQueue("default", {
    crashLimit: 1_000,
    backoff: { kind: "FIXED", initial: 1, max: 1, jitter: 0 },
  });
  for (let index = 0; index < jobs; index += 1) await client.enqueue(ChoreSchema, { script: `${index}` });
  await using members = startMembers<AckReport>(
    "late-member.ts",
    [world.address, "shop.v1.Chore", `${sessionTtlMs}`],
    workers,
  );
  await members.until((reports) => reports.filter((report) => report.accepted).length >= jobs);
  const { jobs: dumped } = await drained(world, jobs);

  const accepted = new Map<string, number>();
  for (const report of members.reports.filter((each) => each.accepted)) {
    assert.ok(!accepted.has(report.id), `${report.id} was accepted twice`);
    accepted.set(report.id, report.attempt);
  }
  const refused = members.reports.filter((report) => !report.accepted);
  assert.ok(refused.length > 0, "no result came too late: the race was not run");
  for (const job of dumped) {
    const successes = job.attempts
      .filter((attempt) => attempt.outcome === "SUCCEEDED")
      .map((attempt) => attempt.number);
    assert.deepEqual(successes, [accepted.get(job.id)], job.id);
  }
  for (const { id, attempt } of refused) assert.notEqual(accepted.get(id), attempt);
});

/** The store's content once `jobs` jobs are completed; its invariants hold. */
async function drained(world: World, jobs: number) {
  await using client = connect(world.address);
  for (;;) {
    const dump = await world.store.dump();
    const open = dump.jobs.find((job) => job.state !== "COMPLETED");
    if (open === undefined && dump.jobs.length === jobs) {
      assert.deepEqual(checkInvariants(dump).violations, []);
      return dump;
    }
    const next = open ?? dump.jobs[0];
    assert.ok(next !== undefined, "there is nothing in the store");
    await client.handle(next.id).wait({ signal: AbortSignal.timeout(60_000) });
  }
}
