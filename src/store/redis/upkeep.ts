import type { LeaseId, SessionId } from "../../core/names.ts";
import type { PromoteAnswer, ReapAnswer, UpkeepAnswer } from "../effects.ts";
import { askAll } from "./ask.ts";
import { type Writing, write } from "./calls.ts";
import type { WriteScript } from "./connection.ts";
import { mergeEffects, readEffects, readLease } from "./effects.ts";
import { listOf, numberOf, type Packable, textOf, type Unpacked } from "./msgpack.ts";
import { shardOf } from "./shards.ts";

/** Makes due jobs claimable. */
export async function promote(writing: Writing, max: number): Promise<PromoteAnswer> {
  const due = await lookForWork(writing);
  const answers = await sharedOut(writing, { max, work: due.map(({ jobs }) => jobs), script: "promote" });
  const told = new Map(answers.map(({ shard, fields }) => [shard, numberOf(fields[1])]));
  const waits = due.map(({ nextInMs }, shard) => told.get(shard) ?? nextInMs).filter((wait) => wait >= 0);
  const next = waits.length === 0 ? undefined : Math.min(...waits);
  return { ...merged(answers), more: next === 0, nextInMs: next };
}

/** Carries the end of marked jobs one level up. */
export async function propagate(writing: Writing, max: number): Promise<UpkeepAnswer> {
  const work = (await lookForWork(writing)).map(({ marked }) => marked);
  const answers = await sharedOut(writing, { max, work, script: "propagate" });
  const isLeft = work.reduce((sum, marked) => sum + marked, 0) > max;
  const answer = merged(answers);
  return { ...answer, more: answer.more || isLeft };
}

/** Works off due cascades. */
export async function cascade(writing: Writing, max: number): Promise<UpkeepAnswer> {
  const work = (await lookForWork(writing)).map(({ cascades }) => cascades);
  const { answers, isLeft } = await oneByOne(writing, {
    max,
    work,
    callOf: (most) => ({ script: "cascade", request: most }),
  });
  const answer = merged(answers);
  return { ...answer, more: answer.more || isLeft };
}

/** Puts staged children of accepted results into their chains. */
export async function expand(writing: Writing, max: number): Promise<UpkeepAnswer> {
  const work = (await lookForWork(writing)).map(({ expansions }) => expansions);
  const { answers, isLeft } = await oneByOne(writing, {
    max,
    work,
    callOf: (most) => ({ script: "expand", request: most }),
  });
  const answer = merged(answers);
  return { ...answer, more: answer.more || isLeft };
}

/** Deals with the leases of expired sessions, then with those that living sessions have buffered for too long. */
export async function reap(
  writing: Writing,
  request: { readonly max: number; readonly bufferedMsMax: number; readonly jitter: number },
): Promise<ReapAnswer> {
  const { max, bufferedMsMax, jitter } = request;
  const work = (await lookForWork(writing)).map(({ sessions }) => sessions);
  const { answers, isLeft } = await oneByOne(writing, {
    max,
    work,
    callOf: (most) => ({ script: "reap", request: [most, bufferedMsMax, jitter] }),
  });
  const answer = merged(answers);
  return {
    ...answer,
    more: answer.more || isLeft,
    sessions: answers.flatMap(({ shard, fields }) => endedAt(shard, listOf(fields[3]), writing.connection.shards)),
    taken: answers.flatMap(({ shard, fields }) => readTaken(shard, listOf(fields[4]))),
  };
}

/** Each shard ends what it has of a session; its home shard's end is told. Names in the store were checked before they were stored. */
function endedAt(shard: number, ids: readonly Unpacked[], shards: number): SessionId[] {
  return ids.map((id) => textOf(id) as SessionId).filter((id) => shardOf(id, shards) === shard);
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

interface Work {
  /** Due jobs, and the wait for the next one, -1: none waits. */
  readonly jobs: number;
  readonly nextInMs: number;
  readonly marked: number;
  readonly cascades: number;
  readonly expansions: number;
  /** Chains that are being removed. */
  readonly removals: number;
  /** Expired ones, and those that must be looked at for what they buffer. */
  readonly sessions: number;
}

/** What upkeep would find on each shard. One shard alone is not asked: its step finds out. */
export async function lookForWork({ connection }: Writing): Promise<readonly Work[]> {
  if (connection.shards === 1)
    return [{ jobs: 1, nextInMs: -1, marked: 1, cascades: 1, expansions: 1, removals: 1, sessions: 1 }];
  return (await askAll(connection, "due")).map((answer) => {
    const [
      jobs = 0,
      nextAt = -1,
      marked = 0,
      cascades = 0,
      expired = 0,
      buffering = 0,
      now = 0,
      expansions = 0,
      removals = 0,
    ] = listOf(answer).map(numberOf);
    const nextInMs = nextAt < 0 ? -1 : Math.max(0, nextAt - now);
    return { jobs, nextInMs, marked, cascades, expansions, removals, sessions: expired + buffering };
  });
}

/** A step on every shard that has work, at once, each with as much of `max` as it has work. */
async function sharedOut(
  writing: Writing,
  by: { readonly max: number; readonly work: readonly number[]; readonly script: WriteScript },
): Promise<readonly ShardFields[]> {
  const { shards } = writing.connection;
  let left = by.max;
  const steps: Promise<ShardFields>[] = [];
  for (const shard of fromAny(shards)) {
    const most = shards === 1 ? left : Math.min(left, by.work[shard] ?? 0);
    if (most > 0) steps.push(stepOn(writing, shard, { script: by.script, request: most }));
    left -= most;
  }
  return Promise.all(steps);
}

/** Steps on the shards that have work, one after the other, until `max` is used up. */
async function oneByOne(
  writing: Writing,
  by: { readonly max: number; readonly work: readonly number[]; readonly callOf: (most: number) => Step },
): Promise<{ readonly answers: readonly ShardFields[]; readonly isLeft: boolean }> {
  const shards = fromAny(writing.connection.shards).filter((shard) => (by.work[shard] ?? 0) > 0);
  const answers: ShardFields[] = [];
  let left = by.max;
  for (const shard of shards) {
    if (left <= 0) return { answers, isLeft: true };
    const answer = await stepOn(writing, shard, by.callOf(left));
    answers.push(answer);
    left -= numberOf(answer.fields[0]);
  }
  return { answers, isLeft: false };
}

/** All shards, from any one on, so that none is always the last. */
function fromAny(shards: number): readonly number[] {
  const first = Math.floor(Math.random() * shards);
  return Array.from({ length: shards }, (_, index) => (first + index) % shards);
}

interface Step {
  readonly script: WriteScript;
  readonly request: Packable;
}

async function stepOn(writing: Writing, shard: number, step: Step): Promise<ShardFields> {
  return { shard, fields: listOf(await write(writing, { shard, ...step })) };
}

function merged(answers: readonly ShardFields[]): UpkeepAnswer {
  return {
    count: answers.reduce((sum, { fields }) => sum + numberOf(fields[0]), 0),
    more: answers.some(({ fields }) => fields[1] === 1),
    effects: mergeEffects(answers.map(({ shard, fields }) => readEffects(shard, fields[2]))),
  };
}
