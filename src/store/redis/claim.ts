import type { ServerDefaults } from "../../core/job.ts";
import type { JobId, QueueName } from "../../core/names.ts";
import { effectiveOptions } from "../../core/precedence.ts";
import { roleOf } from "../codes.ts";
import type { ClaimItem, Lease } from "../commit.ts";
import type { Lane } from "../effects.ts";
import type { QueueSettings } from "../queue.ts";
import { type LaneTable, laneOf } from "./lane-table.ts";
import { bytesOf, listOf, numberOf, type Packable, textOf, type Unpacked, unpackAll } from "./msgpack.ts";
import { readSettings } from "./queue-settings.ts";
import { readRecord } from "./record.ts";
import { leaseIdOf } from "./shards.ts";

/** What a claim has from other shards already. */
export interface ClaimSoFar {
  readonly jobs: number;
  readonly bytes: number;
  /** All shards were looked at for what an earlier try had leased. */
  readonly isAfterLook: boolean;
  /** Jobs below it are left for now: another shard has higher ones. */
  readonly priorityMin: number | undefined;
  /** Of queues that have a limit: on one shard "own"; on several what their turn allows, and nothing without one. */
  readonly rooms: "own" | ReadonlyMap<QueueName, Room>;
}

/** How many more jobs of a queue may run, and the token of who found that out. */
interface Room {
  readonly jobs: number;
  readonly token: number;
}

/** An item as `lua/claim.lua` takes it. */
export function packClaim(
  item: ClaimItem,
  lanes: LaneTable,
  by: { readonly soFar: ClaimSoFar; readonly tries: () => number },
): Packable {
  const { soFar, tries } = by;
  return [
    item.sessionId,
    item.epoch,
    item.nonce,
    item.again === true ? 1 : soFar.isAfterLook ? 2 : 0,
    tries(),
    item.jobsMax,
    Number.isFinite(item.bytesMax) ? item.bytesMax : -1,
    soFar.jobs,
    soFar.bytes,
    soFar.priorityMin ?? false,
    item.lanes.map(({ queue, types, jobsMax }) => {
      const indexes = types.map((type) => lanes.indexOf(queue, type));
      return [queue, jobsMax, indexes, ...packRoom(soFar.rooms === "own" ? "own" : soFar.rooms.get(queue))];
    }),
  ];
}

function packRoom(room: Room | "own" | undefined): readonly number[] {
  if (room === "own") return [-1, 0];
  return room === undefined ? [-2, 0] : [room.jobs, room.token];
}

/** What leases of one shard are read with. */
export interface LeaseContext {
  readonly shard: number;
  readonly defaults: ServerDefaults;
  readonly lanes: ReadonlyMap<number, Lane>;
  readonly settings: ReadonlyMap<string, QueueSettings>;
}

export function leaseContext(
  of: { readonly shard: number; readonly defaults: ServerDefaults },
  lanes: Unpacked | undefined,
  settings: Unpacked | undefined,
): LeaseContext {
  const numbered = pairsOf(lanes).map(([number, name]) => [numberOf(number), laneOf(textOf(name))] as const);
  const set = pairsOf(settings).map(([queue, packed]) => [textOf(queue), readSettings(packed)] as const);
  return { ...of, lanes: new Map(numbered), settings: new Map(set) };
}

function pairsOf(value: Unpacked | undefined): readonly (readonly [Unpacked, Unpacked])[] {
  const flat = listOf(value);
  const pairs: (readonly [Unpacked, Unpacked])[] = [];
  for (let index = 0; index + 1 < flat.length; index += 2) pairs.push([flat[index] ?? false, flat[index + 1] ?? false]);
  return pairs;
}

/** The leases of a claim's answer: job number, record and spec one after the other. */
export function readLeases(context: LeaseContext, flat: readonly Unpacked[]): Lease[] {
  const leases: Lease[] = [];
  for (let index = 0; index < flat.length; index += 3) {
    leases.push(leaseOf(context, numberOf(flat[index]), bytesOf(flat[index + 1]), bytesOf(flat[index + 2])));
  }
  return leases;
}

// Names in the store were checked before they were stored.
function leaseOf(context: LeaseContext, job: number, bytes: Buffer, spec: Buffer): Lease {
  const record = readRecord(bytes);
  const [own, place] = unpackAll(spec).map(listOf);
  const [payload, , , , key] = own ?? [];
  const [metadata, rootId, parentId] = place ?? [];
  const { queue, type } = laneIn(context, record.lane);
  const options = effectiveOptions(record.options, context.settings.get(queue), context.defaults);
  return {
    leaseId: leaseIdOf({ shard: context.shard, job, nonce: record.nonce }),
    jobId: record.id,
    payload: { type, bytes: bytesOf(payload) },
    queue,
    attempt: record.attempt,
    timeoutMs: options.timeoutMs,
    maxAttempts: options.maxAttempts,
    failureCount: record.failures,
    priority: record.priority,
    rootId: rootId === undefined ? record.id : (textOf(rootId) as JobId),
    parentId: parentId === undefined ? undefined : (textOf(parentId) as JobId),
    role: roleOf(record.role),
    depth: record.depth,
    key: textOf(key),
    metadata: readMetadata(textOf(metadata)),
    createdAt: record.createdAt,
  };
}

export function laneIn(context: Pick<LeaseContext, "lanes">, number: number): Lane {
  const lane = context.lanes.get(number);
  if (lane === undefined) throw new Error(`the store does not know its lane ${number}`);
  return lane;
}

/** JSON, or empty for none. Written by our own JSON.stringify alone. */
function readMetadata(text: string): Readonly<Record<string, string>> {
  return text === "" ? {} : (JSON.parse(text) as Readonly<Record<string, string>>);
}
