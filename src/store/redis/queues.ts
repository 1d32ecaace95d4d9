import type { JobState } from "../../core/job.ts";
import type { QueueName, TypeName } from "../../core/names.ts";
import { stateOf } from "../codes.ts";
import type { QueueRecord } from "../queue.ts";
import { askAll } from "./ask.ts";
import type { Connection } from "./connection.ts";
import { bytesOf, listOf, numberOf, textOf, type Unpacked, unpack } from "./msgpack.ts";
import { readSettings } from "./queue-settings.ts";

type Counts = Partial<Record<JobState, number>>;

/** A queue as all shards together have it. */
export async function getQueue(connection: Connection, name: QueueName): Promise<QueueRecord | undefined> {
  const known = (await askAll(connection, "queue-state", name)).filter((answer) => answer !== false).map(listOf);
  if (known.length === 0) return undefined;
  const lanes = new Map<TypeName, Counts>();
  for (const [, flat] of known) addLanes(lanes, listOf(flat));
  const waits = known.map(([, , wait]) => numberOf(wait)).filter((wait) => wait >= 0);
  const settings = known.map(([packed]) => packed).find((packed) => packed !== false && packed !== undefined);
  return {
    name,
    settings: readSettings(settings === undefined ? false : unpack(bytesOf(settings))),
    lanes: [...lanes]
      .map(([type, counts]) => ({ type, counts }))
      .filter(({ counts }) => Object.keys(counts).length > 0)
      .sort((left, right) => (left.type < right.type ? -1 : 1)),
    oldestWaitMs: waits.length === 0 ? undefined : Math.max(...waits),
  };
}

/** Adds what one shard counts: type, then its states and counts, one after the other. */
function addLanes(lanes: Map<TypeName, Counts>, flat: readonly Unpacked[]): void {
  for (let index = 0; index < flat.length; index += 2) {
    const type = textOf(flat[index]) as TypeName; // checked before it was stored
    const counts = lanes.get(type) ?? {};
    lanes.set(type, counts);
    const found = listOf(flat[index + 1]).map(numberOf);
    for (let at = 0; at < found.length; at += 2) {
      const state = stateOf(found[at] ?? 0);
      counts[state] = (counts[state] ?? 0) + (found[at + 1] ?? 0);
    }
  }
}
