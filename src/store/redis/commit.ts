import type { CommitAnswer, CommitBatch, SettleAnswer } from "../store.ts";
import type { Writing } from "./calls.ts";
import type { ClaimSoFar } from "./claim.ts";
import { commitShard, type ShardBatch } from "./commit-shard.ts";
import { splitRenew } from "./renew.ts";
import { leasePlace } from "./shards.ts";

const nothingYet: ClaimSoFar = { jobs: 0, bytes: 0, rooms: new Map() };

/** On one shard: all of it in one run of one script, in the order renew, settle, insert, claim. */
export async function commitOnOne(writing: Writing, batch: CommitBatch): Promise<CommitAnswer> {
  const places = batch.settle.map(({ leaseId }) => leasePlace(leaseId, 1));
  const settle: ShardBatch["settle"][number][] = [];
  for (const [index, item] of batch.settle.entries()) {
    const place = places[index];
    if (place !== undefined) settle.push({ item, place });
  }
  const answer = await commitShard(writing, 0, {
    renew: batch.renew.flatMap((item) => splitRenew(item, 1)),
    settle,
    insert: batch.insert,
    claim: batch.claim.map((item) => ({ item, soFar: nothingYet })),
  });
  const settled = answer.settled.values();
  return {
    ...answer,
    settled: places.map((place): SettleAnswer => (place === undefined ? { kind: "lost" } : next(settled))),
  };
}

function next<Answer>(answers: Iterator<Answer>): Answer {
  const { done, value } = answers.next();
  if (done === true) throw new Error("a shard answered too few items");
  return value;
}
