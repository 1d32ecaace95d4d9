import type { LeaseId, SessionId } from "../../core/names.ts";
import type { PromoteAnswer, ReapAnswer, UpkeepAnswer } from "../store.ts";
import { shardsOf, type Writing, write } from "./calls.ts";
import type { WriteScript } from "./connection.ts";
import { mergeEffects, readEffects, readLease } from "./effects.ts";
import { listOf, numberOf, type Packable, textOf, type Unpacked } from "./msgpack.ts";

/** Makes due jobs claimable. */
export async function promote(writing: Writing, max: number): Promise<PromoteAnswer> {
  const answers = await onShards(writing, max, (most) => ({ script: "promote", request: most }));
  const nextInMs = answers.map(({ fields }) => numberOf(fields[1])).filter((wait) => wait >= 0);
  const next = nextInMs.length === 0 ? undefined : Math.min(...nextInMs);
  return { ...merged(answers), more: next === 0, nextInMs: next };
}

/** Carries the end of marked jobs one level up. */
export async function propagate(writing: Writing, max: number): Promise<UpkeepAnswer> {
  return merged(await onShards(writing, max, (most) => ({ script: "propagate", request: most })));
}

/** Works off due cascades. */
export async function cascade(writing: Writing, max: number): Promise<UpkeepAnswer> {
  return merged(await onShards(writing, max, (most) => ({ script: "cascade", request: most })));
}

/** Deals with the leases of expired sessions, then with those that living sessions have buffered for too long. */
export async function reap(
  writing: Writing,
  request: { readonly max: number; readonly bufferedMsMax: number; readonly jitter: number },
): Promise<ReapAnswer> {
  const { max, bufferedMsMax, jitter } = request;
  const answers = await onShards(writing, max, (most) => ({
    script: "reap",
    request: [most, bufferedMsMax, jitter],
  }));
  // Names in the store were checked before they were stored.
  const sessions = answers.flatMap(({ fields }) => listOf(fields[3]).map((id) => textOf(id) as SessionId));
  return {
    ...merged(answers),
    sessions: [...new Set(sessions)],
    taken: answers.flatMap(({ shard, fields }) => readTaken(shard, listOf(fields[4]))),
  };
}

function readTaken(shard: number, flat: readonly Unpacked[]): { sessionId: SessionId; leaseId: LeaseId }[] {
  const taken: { sessionId: SessionId; leaseId: LeaseId }[] = [];
  for (let index = 0; index < flat.length; index += 3) {
    const sessionId = textOf(flat[index]) as SessionId;
    taken.push({ sessionId, leaseId: readLease(shard, flat[index + 1], flat[index + 2]) });
  }
  return taken;
}

interface ShardFields {
  readonly shard: number;
  readonly fields: readonly Unpacked[];
}

/** A step on every shard at once, each with its share of `max`, so that a tick costs one round trip. */
async function onShards(
  writing: Writing,
  max: number,
  callOf: (most: number) => { readonly script: WriteScript; readonly request: Packable },
): Promise<readonly ShardFields[]> {
  const { shards } = writing.connection;
  const share = Math.floor(max / shards);
  const rest = max - share * shards;
  return Promise.all(
    shardsOf(writing).map(async (shard) => {
      const answer = await write(writing, { shard, ...callOf(share + (shard < rest ? 1 : 0)) });
      return { shard, fields: listOf(answer) };
    }),
  );
}

function merged(answers: readonly ShardFields[]): UpkeepAnswer {
  return {
    count: answers.reduce((sum, { fields }) => sum + numberOf(fields[0]), 0),
    more: answers.some(({ fields }) => fields[1] === 1),
    effects: mergeEffects(answers.map(({ shard, fields }) => readEffects(shard, fields[2]))),
  };
}
