import type { QueueName } from "../../core/names.ts";
import type { ClaimAnswer, ClaimItem, Effects, Lease } from "../store.ts";
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
  bytes: number;
  isGone: boolean;
}

interface Claimed {
  readonly claimed: readonly ClaimAnswer[];
  readonly effects: Effects;
}

/**
 * Claims from the shards in turn until each claim is satisfied: of those that have ready jobs, beginning with another one for
 * each claim, so that none is served last for ever. The order of a queue holds within each shard.
 */
export async function claimOnMany(writing: Writing, items: readonly ClaimItem[]): Promise<Claimed> {
  const claims = items.map((item): Claiming => ({ item, leases: [], bytes: 0, isGone: false }));
  const effects: Effects[] = [];
  const [first] = items;
  if (first === undefined) return { claimed: [], effects: mergeEffects(effects) };
  await findAgain(writing, claims, effects);
  const open = claims.filter(({ item, leases, isGone }) => !isGone && !(item.again === true && leases.length > 0));
  const { shards, limited } = await look(writing, open, shardOf(first.nonce, writing.connection.shards));
  const turns = await takeTurns(writing, limited);
  try {
    for (const shard of shards) {
      const hungry = open.filter(isHungry);
      if (hungry.length > 0) await claimFrom(writing, shard, { claims: hungry, turns, effects });
    }
  } finally {
    await endTurns(writing, turns);
  }
  return { claimed: claims.map(answerOf), effects: mergeEffects(effects) };
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
      claimFrom(writing, shard, { claims: again, turns: new Map(), effects, only: "again" }),
    ),
  );
}

interface Found {
  /** Those that have ready jobs in the lanes asked for; one at least, which tells whose session is gone. */
  readonly shards: readonly number[];
  readonly limited: readonly QueueName[];
}

/** Looks on every shard for what the claims ask for; answers shards from `first` on. */
async function look(writing: Writing, claims: readonly Claiming[], first: number): Promise<Found> {
  const asked = claims.flatMap(({ item }) => item.lanes);
  const names = [...new Set(asked.flatMap(({ queue, types }) => types.map((type) => `${queue} ${type}`)))];
  const queues = [...new Set(asked.map(({ queue }) => queue))];
  const { shards } = writing.connection;
  const order = shardsOf(writing).map((index) => (first + index) % shards);
  const answers = await Promise.all(
    order.map(async (shard) => listOf(await ask(writing.connection, shard, "peek", [names, queues])).map(listOf)),
  );
  const found = order.filter((_, index) => answers[index]?.[0]?.some((ready) => numberOf(ready) > 0) === true);
  return {
    shards: found.length > 0 ? found : order.slice(0, 1),
    limited: queues.filter((_, index) => answers.some((answer) => answer[1]?.[index] === 1)),
  };
}

function isHungry({ item, leases, bytes, isGone }: Claiming): boolean {
  return !isGone && leases.length < item.jobsMax && (leases.length === 0 || bytes < item.bytesMax);
}

async function claimFrom(
  writing: Writing,
  shard: number,
  by: {
    readonly claims: readonly Claiming[];
    readonly turns: Turns;
    readonly effects: Effects[];
    readonly only?: "again";
  },
): Promise<void> {
  const { claims, turns, effects, only } = by;
  const claim = claims.map((claiming) => ({
    item:
      only === undefined
        ? { ...claiming.item, again: false, lanes: lanesLeft(claiming) }
        : { ...claiming.item, lanes: [] },
    soFar: { jobs: claiming.leases.length, bytes: claiming.bytes, rooms: turns } satisfies ClaimSoFar,
  }));
  const answer = await commitShard(writing, shard, { renew: [], settle: [], insert: [], claim });
  effects.push(answer.effects);
  for (const [index, claiming] of claims.entries()) {
    const part = answer.claimed[index];
    if (part?.kind !== "claimed") claiming.isGone = true;
    else for (const lease of part.leases) take(claiming, lease, turns);
  }
}

function take(claiming: Claiming, lease: Lease, turns: Turns): void {
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
