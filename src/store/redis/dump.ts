import type { LeaseId, QueueName, SessionId } from "../../core/names.ts";
import type { DumpedJob, StoreDump } from "../dump.ts";
import { ask } from "./ask.ts";
import type { Connection } from "./connection.ts";
import { dumpedOf } from "./job-record.ts";
import { bytesOf, listOf, numberOf, textOf, type Unpacked, unpack } from "./msgpack.ts";
import { getQueue } from "./queues.ts";
import { leaseIdOf } from "./shards.ts";

type Session = StoreDump["sessions"][number];

interface ShardDump {
  readonly jobs: readonly DumpedJob[];
  readonly sessions: readonly Session[];
  readonly queues: readonly string[];
}

/** Numbers of jobs that one call looks at, or fewer when they are large: below it a shard is dumped as it is at one moment. */
const sliceNumbers = 5_000;

/** Everything in the namespace, whatever its size. */
export async function dump(connection: Connection): Promise<StoreDump> {
  const shards = await Promise.all(
    Array.from({ length: connection.shards }, (_, shard) => dumpShard(connection, shard)),
  );
  const names = [...new Set(shards.flatMap(({ queues }) => queues))].sort();
  // Names in the store were checked before they were stored.
  const queues = await Promise.all(names.map((name) => getQueue(connection, name as QueueName)));
  return {
    jobs: shards.flatMap(({ jobs }) => jobs),
    sessions: mergeSessions(shards.flatMap(({ sessions }) => sessions)),
    queues: queues.filter((queue) => queue !== undefined),
  };
}

async function dumpShard(connection: Connection, shard: number): Promise<ShardDump> {
  const found: ReturnType<typeof dumpedOf>[] = [];
  let sessions: readonly Session[] = [];
  let queues: readonly string[] = [];
  for (let after = 0; after >= 0; ) {
    const [details, next, sessionList, queueList] = listOf(await ask(connection, shard, "dump", [after, sliceNumbers]));
    for (const detail of listOf(details)) found.push(dumpedOf(shard, detail));
    if (after === 0) {
      sessions = sessionsOf(shard, listOf(sessionList));
      queues = listOf(queueList).map(textOf);
    }
    after = numberOf(next);
  }
  return { jobs: withPositions(found), sessions, queues };
}

/** A node's place is by number among all nodes of its parent; `found` is in the order of numbers. */
function withPositions(found: readonly ReturnType<typeof dumpedOf>[]): DumpedJob[] {
  const seen = new Map<number, number>();
  return found.map(({ job, parent }) => {
    const position = parent === 0 ? 0 : (seen.get(parent) ?? 0);
    seen.set(parent, position + 1);
    return { ...job, position };
  });
}

function sessionsOf(shard: number, flat: readonly Unpacked[]): readonly Session[] {
  const sessions: Session[] = [];
  for (let index = 0; index < flat.length; index += 3) {
    const [, epoch, expiresAt] = listOf(unpack(bytesOf(flat[index + 1])));
    const buffered = flat[index + 2];
    sessions.push({
      id: textOf(flat[index]) as SessionId,
      epoch: numberOf(epoch),
      expiresAt: numberOf(expiresAt),
      buffered: buffered === false ? [] : leasesOf(shard, listOf(unpack(bytesOf(buffered)))),
    });
  }
  return sessions;
}

/** Job number and nonce of each, one after the other. */
function leasesOf(shard: number, flat: readonly Unpacked[]): readonly LeaseId[] {
  const leases: LeaseId[] = [];
  for (let index = 0; index < flat.length; index += 2) {
    leases.push(leaseIdOf({ shard, job: numberOf(flat[index]), nonce: textOf(flat[index + 1]) }));
  }
  return leases;
}

/** A session is in every shard, with the leases of that shard; the shard that heard of it last is right. */
function mergeSessions(all: readonly Session[]): readonly Session[] {
  const merged = new Map<SessionId, Session>();
  for (const session of all) {
    const known = merged.get(session.id);
    if (known === undefined) merged.set(session.id, session);
    else {
      const newer =
        session.epoch > known.epoch || (session.epoch === known.epoch && session.expiresAt > known.expiresAt);
      merged.set(session.id, { ...(newer ? session : known), buffered: [...known.buffered, ...session.buffered] });
    }
  }
  return [...merged.values()];
}
