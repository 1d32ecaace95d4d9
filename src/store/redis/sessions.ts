import { randomBytes } from "node:crypto";
import type { LeaseId } from "../../core/names.ts";
import { effectiveOptions } from "../../core/precedence.ts";
import { reasonOf } from "../codes.ts";
import type { UpkeepAnswer } from "../effects.ts";
import type { KeptLease, NewSession, ResumeAnswer, ResumeRequest, SessionRef } from "../session.ts";
import { shardsOf, type Writing, write, writeAll } from "./calls.ts";
import { type LeaseContext, laneIn, leaseContext } from "./claim.ts";
import { mergeEffects, readEffects, readLease } from "./effects.ts";
import { bytesOf, listOf, numberOf, type Packable, type Unpacked } from "./msgpack.ts";
import { readRecord } from "./record.ts";
import { leaseIdOf, leasePlace, shardOf } from "./shards.ts";

const Operation = { open: 1, resume: 2, detach: 3, close: 4 } as const;

/** Opens a session on every shard. The same again is the same session. */
export async function openSession(writing: Writing, session: NewSession): Promise<void> {
  const { sessionId, principal, worker, instanceId, ttlMs } = session;
  await writeAll(writing, "session", () => [Operation.open, sessionId, principal, worker, instanceId, ttlMs]);
}

export async function detachSession(
  writing: Writing,
  request: SessionRef & { readonly graceMs: number },
): Promise<void> {
  await writeAll(writing, "session", () => [Operation.detach, request.sessionId, request.epoch, request.graceMs]);
}

/** Ends a session whose worker said goodbye. */
export async function closeSession(writing: Writing, ref: SessionRef): Promise<UpkeepAnswer> {
  const answers = await writeAll(writing, "session", () => [Operation.close, ref.sessionId, ref.epoch]);
  const parts = answers.map(listOf);
  return {
    count: parts.reduce((sum, [count]) => sum + numberOf(count), 0),
    more: false,
    effects: mergeEffects(parts.map(([, effects], shard) => readEffects(shard, effects))),
  };
}

/**
 * Takes over a session for a new stream: leases on both sides stay, the store's alone go back. The session's home shard decides
 * the epoch, the others follow: a resume that stopped between them is repaired by its repeat, which raises it once more. A try
 * that arrives only after a later one of the same call changes nothing.
 */
export async function resumeSession(writing: Writing, request: ResumeRequest): Promise<ResumeAnswer> {
  const { shards } = writing.connection;
  const held = splitHeld(request, shards);
  const home = shardOf(request.sessionId, shards);
  const nonce = randomBytes(12).toString("base64url");
  const ask = async (shard: number, epoch: number): Promise<Unpacked> => {
    const { sessionId, principal, ttlMs } = request;
    const asked: readonly Packable[] = [Operation.resume, sessionId, principal, ttlMs, held.flat[shard] ?? [], epoch];
    const tryOf = (again: number): Packable => [...asked, nonce, writing.tries(), again];
    return write(writing, { script: "session", shard, request: tryOf(0), again: () => tryOf(1) });
  };
  const first = await ask(home, 0);
  if (first === false) return { kind: "gone" };
  const epoch = numberOf(listOf(first)[0]);
  const answers = await Promise.all(
    shardsOf(writing).map(async (shard) => (shard === home ? first : ask(shard, epoch))),
  );
  if (answers.includes(false)) return { kind: "gone" };
  const parts = answers.map((answer, shard) => readResumed(writing, shard, answer));
  return {
    kind: "resumed",
    epoch,
    kept: parts.flatMap(({ kept }) => kept),
    lost: [...held.unknown, ...parts.flatMap(({ lost }) => lost)],
    effects: mergeEffects(parts.map(({ effects }) => effects)),
  };
}

/** The leases that a worker holds by shard, flat as number, nonce, buffered; and what is no lease of this store. */
function splitHeld({ held }: ResumeRequest, shards: number) {
  const flat: Packable[][] = Array.from({ length: shards }, () => []);
  const unknown: LeaseId[] = [];
  const named = new Map<LeaseId, boolean>();
  for (const { leaseId, buffered } of held) named.set(leaseId, buffered || named.get(leaseId) === true);
  for (const [leaseId, buffered] of named) {
    const place = leasePlace(leaseId, shards);
    if (place === undefined) unknown.push(leaseId);
    else flat[place.shard]?.push(place.job, place.nonce, buffered ? 1 : 0);
  }
  return { flat, unknown };
}

function readResumed(writing: Writing, shard: number, answer: Unpacked) {
  const [, kept, lost, effects, now, lanes, settings] = listOf(answer);
  const context = leaseContext({ shard, defaults: writing.defaults }, lanes, settings);
  return {
    kept: pairs(listOf(kept)).map(([number, bytes]) =>
      keptLease(context, numberOf(number), bytesOf(bytes), numberOf(now)),
    ),
    lost: pairs(listOf(lost)).map(([number, nonce]) => readLease(shard, number, nonce)),
    effects: readEffects(shard, effects),
  };
}

function pairs(flat: readonly Unpacked[]): readonly (readonly [Unpacked | undefined, Unpacked | undefined])[] {
  return flat.flatMap((each, index) => (index % 2 === 0 ? [[each, flat[index + 1]] as const] : []));
}

function keptLease(context: LeaseContext, job: number, bytes: Buffer, now: number): KeptLease {
  const record = readRecord(bytes);
  const { queue, type } = laneIn(context, record.lane);
  return {
    leaseId: leaseIdOf({ shard: context.shard, job, nonce: record.nonce }),
    jobId: record.id,
    type,
    queue,
    payloadBytes: record.payloadBytes,
    timeoutMs: effectiveOptions(record.options, context.settings.get(queue), context.defaults).timeoutMs,
    sinceClaimMs: now - record.claimedAt,
    cancelReason: reasonOf(record.cancel),
  };
}
