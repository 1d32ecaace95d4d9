import type { QueueName } from "../../core/names.ts";
import type { ClaimAnswer, ClaimItem, Lease } from "../commit.ts";
import type { Effects } from "../effects.ts";
import { ask } from "./ask.ts";
import { shardsOf, type Writing } from "./calls.ts";
import type { ClaimSoFar } from "./claim.ts";
import { commitShard } from "./commit-shard.ts";
import { mergeEffects } from "./effects.ts";
import { listOf, numberOf } from "./msgpack.ts";
import { shardOf } from "./shards.ts";
import { endTurns, type Turns, takeTurns } from "./turns.ts";

/** A claim under way: what it has, and whether a shard still knew its session. */
interface Claiming {
  readonly item: ClaimItem;
  readonly leases: Lease[];
  readonly ids: Set<Lease["leaseId"]>;
  bytes: number;
  isGone: boolean;
}

interface Claimed {
  readonly claimed: readonly ClaimAnswer[];
  readonly effects: Effects;
}

/**
 * Claims from the shards that have ready jobs, one after the other, until each claim is satisfied: the shard with the highest
 * priority first, then the one with the longest wait; among equals any shard begins. Priorities hold over all shards, run time
 * and insertion order within each.
 */
export async function claimOnMany(writing: Writing, items: readonly ClaimItem[]): Promise<Claimed> {
  const claims = items.map((item): Claiming => ({ item, leases: [], ids: new Set(), bytes: 0, isGone: false }));
  const effects: Effects[] = [];
  if (items.length === 0) return { claimed: [], effects: mergeEffects(effects) };
  await findAgain(writing, claims, effects);
  const open = claims.filter(({ item, leases }) => !(item.again === true && leases.length > 0));
  const seen = await look(writing, open);
  const turns = await takeTurns(writing, limitedQueues(seen));
  try {
    await claimInRounds(writing, { claims: open, turns, effects }, seen);
  } finally {
    await endTurns(writing, turns);
  }
  return { claimed: claims.map(answerOf), effects: mergeEffects(effects) };
}

interface Round {
  readonly claims: readonly Claiming[];
  readonly turns: Turns;
  readonly effects: Effects[];
}

/** Of as many priorities the order is kept; what is below them is taken as it comes. */
const roundsMax = 8;

/**
 * Each round takes from the shards what is not below the best of the second one: then nothing that is left anywhere comes before
 * it. Most often that is all there is.
 */
async function claimInRounds(writing: Writing, round: Round, first: readonly Seen[]): Promise<void> {
  let shards = orderOf(first, round.turns);
  for (let left = roundsMax; left > 0; left -= 1) {
    const before = leasesOf(round.claims);
    const priorityMin = left === 1 ? undefined : shards[1]?.priority;
    for (const { shard, priority } of shards) {
      const claims = round.claims.filter(isHungry);
      if (claims.length === 0) return;
      if (priorityMin !== undefined && priority < priorityMin) break;
      await claimFrom(writing, shard, { ...round, claims, priorityMin });
    }
    const taken = leasesOf(round.claims) - before;
    if (taken >= shards.reduce((sum, { ready }) => sum + ready, 0) || !round.claims.some(isHungry)) return;
    // Who took nothing takes anything next: what it was shown first was not for it.
    if (taken === 0) left = Math.min(left, 2);
    shards = orderOf(await look(writing, round.claims.filter(isHungry)), round.turns);
  }
}

function leasesOf(claims: readonly Claiming[]): number {
  return claims.reduce((sum, { leases }) => sum + leases.length, 0);
}

/** A claim that failed on its way to some shard has nothing yet, and is `gone` where its session is. */
function answerOf({ isGone, leases }: Claiming): ClaimAnswer {
  return isGone && leases.length === 0 ? { kind: "gone" } : { kind: "claimed", leases };
}

/** What earlier tries of these claims have leased, on any shard. */
async function findAgain(writing: Writing, claims: readonly Claiming[], effects: Effects[]): Promise<void> {
  const again = claims.filter(({ item }) => item.again === true);
  if (again.length === 0) return;
  await Promise.all(
    shardsOf(writing).map((shard) =>
      claimFrom(writing, shard, { claims: again, turns: new Map(), effects, priorityMin: undefined, isAgain: true }),
    ),
  );
}

/** What a shard has ready in one lane. */
interface SeenLane {
  readonly queue: QueueName;
  readonly ready: number;
  readonly priority: number;
  /** Of the first with that priority. */
  readonly runAt: number;
}

interface Seen {
  readonly shard: number;
  readonly lanes: readonly SeenLane[];
  readonly limited: readonly QueueName[];
}

/** Looks on every shard, any one first, for what the claims ask for, but for paused queues. */
async function look(writing: Writing, claims: readonly Claiming[]): Promise<readonly Seen[]> {
  const asked = claims.flatMap(({ item }) => item.lanes);
  const lanes = new Map(asked.flatMap(({ queue, types }) => types.map((type) => [`${queue} ${type}`, queue])));
  const queues = [...new Set(asked.map(({ queue }) => queue))];
  const { shards } = writing.connection;
  const first = shardOf(claims[0]?.item.nonce ?? "", shards);
  return Promise.all(
    shardsOf(writing).map(async (index) => {
      const shard = (first + index) % shards;
      const [ready, kinds] = listOf(await ask(writing.connection, shard, "peek", [[...lanes.keys()], queues]));
      const paused = new Set(queues.filter((_, place) => listOf(kinds)[place] === 2));
      const seen = readSeen(listOf(ready).map(numberOf), [...lanes.values()]);
      return {
        shard,
        lanes: seen.filter(({ queue }) => !paused.has(queue)),
        limited: queues.filter((_, place) => listOf(kinds)[place] === 1),
      };
    }),
  );
}

function readSeen(flat: readonly number[], queues: readonly QueueName[]): SeenLane[] {
  const lanes: SeenLane[] = [];
  for (let at = 0; at < flat.length; at += 4) {
    const [index = 0, ready = 0, priority = 0, runAt = 0] = flat.slice(at, at + 4);
    const queue = queues[index];
    if (queue !== undefined) lanes.push({ queue, ready, priority, runAt });
  }
  return lanes;
}

/** Queues with a limit and ready jobs. */
function limitedQueues(seen: readonly Seen[]): readonly QueueName[] {
  const limited = new Set(seen.flatMap((each) => each.limited));
  return [...new Set(seen.flatMap(({ lanes }) => lanes.map(({ queue }) => queue)))].filter((queue) =>
    limited.has(queue),
  );
}

interface ShardToVisit {
  readonly shard: number;
  readonly ready: number;
  readonly priority: number;
  readonly runAt: number;
}

/** The shards to visit, best first, by what may be claimed there now; one at least, which tells whose session is gone. */
function orderOf(seen: readonly Seen[], turns: Turns): readonly ShardToVisit[] {
  const limited = new Set(seen.flatMap((each) => each.limited));
  const shards = seen.flatMap(({ shard, lanes }): ShardToVisit[] => {
    const open = lanes.filter(({ queue }) => !limited.has(queue) || (turns.get(queue)?.jobs ?? 0) > 0).sort(byTurn);
    const [best] = open;
    return best === undefined ? [] : [{ ...best, shard, ready: open.reduce((sum, { ready }) => sum + ready, 0) }];
  });
  const [any] = seen;
  if (shards.length > 0 || any === undefined) return shards.sort(byTurn);
  return [{ shard: any.shard, ready: 0, priority: 0, runAt: 0 }];
}

function byTurn(one: Pick<SeenLane, "priority" | "runAt">, other: Pick<SeenLane, "priority" | "runAt">): number {
  return other.priority - one.priority || one.runAt - other.runAt;
}

function isHungry({ item, leases, bytes, isGone }: Claiming): boolean {
  return !isGone && leases.length < item.jobsMax && (leases.length === 0 || bytes < item.bytesMax);
}

async function claimFrom(
  writing: Writing,
  shard: number,
  by: Round & { readonly priorityMin: number | undefined; readonly isAgain?: boolean },
): Promise<void> {
  const { claims, turns, effects, priorityMin, isAgain = false } = by;
  const claim = claims.map((claiming) => ({
    item: { ...claiming.item, again: isAgain, lanes: isAgain ? [] : lanesLeft(claiming) },
    soFar: {
      jobs: claiming.leases.length,
      bytes: claiming.bytes,
      isAfterLook: claiming.item.again === true,
      priorityMin,
      rooms: turns,
    } satisfies ClaimSoFar,
  }));
  const answer = await commitShard(writing, shard, { renew: [], settle: [], insert: [], claim });
  effects.push(answer.effects);
  for (const [index, claiming] of claims.entries()) {
    const part = answer.claimed[index];
    if (part?.kind !== "claimed") claiming.isGone = true;
    else for (const lease of part.leases) take(claiming, lease, turns);
  }
}

/** A visit that was repeated answers also what an earlier visit took. */
function take(claiming: Claiming, lease: Lease, turns: Turns): void {
  if (claiming.ids.has(lease.leaseId)) return;
  claiming.ids.add(lease.leaseId);
  claiming.leases.push(lease);
  claiming.bytes += lease.payload.bytes.length;
  const room = turns.get(lease.queue);
  if (room !== undefined) room.jobs -= 1;
}

/** The lanes with what each may still give. */
function lanesLeft({ item, leases }: Claiming): ClaimItem["lanes"] {
  const left = item.lanes.map(({ jobsMax }) => jobsMax);
  for (const { queue, payload } of leases) {
    const of = item.lanes.findIndex((lane, index) => {
      return lane.queue === queue && lane.types.includes(payload.type) && (left[index] ?? 0) > 0;
    });
    if (of >= 0) left[of] = (left[of] ?? 0) - 1;
  }
  return item.lanes.map((lane, index) => ({ ...lane, jobsMax: left[index] ?? 0 }));
}
