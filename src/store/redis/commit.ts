import type { CommitAnswer, CommitBatch, SettleAnswer } from "../commit.ts";
import type { Writing } from "./calls.ts";
import type { ClaimSoFar } from "./claim.ts";
import { claimOnMany } from "./claim-on-many.ts";
import { commitShard, type ShardAnswer, type ShardBatch } from "./commit-shard.ts";
import { mergeEffects, noEffects } from "./effects.ts";
import { insertOnMany } from "./insert-on-many.ts";
import { mergeRenewed, splitRenew } from "./renew.ts";
import { leasePlace } from "./shards.ts";

/** Does a batch in the order renew, settle, insert, claim: one run of one script on each shard that it concerns. */
export function commit(writing: Writing, batch: CommitBatch): Promise<CommitAnswer> {
  return writing.connection.shards === 1 ? commitOnOne(writing, batch) : commitOnMany(writing, batch);
}

const nothingYet: ClaimSoFar = { jobs: 0, bytes: 0, isAfterLook: false, priorityMin: undefined, rooms: "own" };

async function commitOnOne(writing: Writing, batch: CommitBatch): Promise<CommitAnswer> {
  const settles = splitSettles(batch, 1);
  const answer = await commitShard(writing, 0, {
    renew: batch.renew.flatMap((item) => splitRenew(item, 1)),
    settle: settles.parts[0] ?? [],
    insert: batch.insert,
    claim: batch.claim.map((item) => ({ item, soFar: nothingYet })),
  });
  return { ...answer, settled: settles.gather([answer]) };
}

/**
 * Every item is atomic by itself: a chain lives whole on one shard. Claims come last, since what was settled or inserted may be
 * what they get.
 */
async function commitOnMany(writing: Writing, batch: CommitBatch): Promise<CommitAnswer> {
  const { shards } = writing.connection;
  const settles = splitSettles(batch, shards);
  const renewals = batch.renew.map((item) => splitRenew(item, shards));
  const { inserted, answers } = await insertOnMany(writing, batch.insert, (inserts) =>
    Promise.all(
      settles.parts.map(async (settle, shard): Promise<ShardAnswer> => {
        const insert = inserts[shard] ?? [];
        const renew = renewals.flatMap((parts) => parts[shard] ?? []);
        if (renew.length + settle.length + insert.length === 0) return nothingDone;
        return commitShard(writing, shard, { renew, settle, insert, claim: [] });
      }),
    ),
  );
  const claims = await claimOnMany(writing, batch.claim);
  return {
    renewed: batch.renew.map((_, index) =>
      mergeRenewed(answers.map(({ renewed }) => renewed[index] ?? { kind: "gone" })),
    ),
    settled: settles.gather(answers),
    inserted,
    claimed: claims.claimed,
    effects: mergeEffects([...answers.map(({ effects }) => effects), claims.effects]),
  };
}

const nothingDone: ShardAnswer = { renewed: [], settled: [], inserted: [], claimed: [], effects: noEffects };

/** Outcomes by the shard of their lease; `gather` puts the answers into the order of the batch. What names no lease of this store is lost. */
function splitSettles(batch: Pick<CommitBatch, "settle">, shards: number) {
  const parts: ShardBatch["settle"][number][][] = Array.from({ length: shards }, () => []);
  const places = batch.settle.map((item) => {
    const place = leasePlace(item.leaseId, shards);
    const part = place === undefined ? undefined : parts[place.shard];
    if (place === undefined || part === undefined) return undefined;
    part.push({ item, place });
    return { shard: place.shard, index: part.length - 1 };
  });
  const gather = (answers: readonly Pick<ShardAnswer, "settled">[]): readonly SettleAnswer[] =>
    places.map((place) => {
      const answer = place === undefined ? undefined : answers[place.shard]?.settled[place.index];
      return answer ?? { kind: "lost" };
    });
  return { parts, gather };
}
