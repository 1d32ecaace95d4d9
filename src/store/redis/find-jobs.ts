import type { JobId } from "../../core/names.ts";
import { stateOf } from "../codes.ts";
import type { JobStatus } from "../query.ts";
import { ask } from "./ask.ts";
import type { Connection } from "./connection.ts";
import { listOf, numberOf } from "./msgpack.ts";
import { shardOf } from "./shards.ts";

/** Where a job is, and how it stands. */
export interface FoundJob extends JobStatus {
  readonly shard: number;
  readonly number: number;
}

/** Looks for each id where a root of that name is, then, since a job below a root lies where its root does, everywhere else. */
export async function findJobs(connection: Connection, ids: readonly JobId[]): Promise<(FoundJob | undefined)[]> {
  const found: (FoundJob | undefined)[] = ids.map(() => undefined);
  const byShard = new Map<number, number[]>();
  for (const [index, id] of ids.entries()) {
    const shard = shardOf(id, connection.shards);
    const known = byShard.get(shard);
    if (known === undefined) byShard.set(shard, [index]);
    else known.push(index);
  }
  await Promise.all([...byShard].map(([shard, indexes]) => look(shard, indexes)));
  const missing = found.flatMap((job, index) => (job === undefined ? [index] : []));
  if (missing.length > 0 && connection.shards > 1) {
    await Promise.all(Array.from({ length: connection.shards }, (_, shard) => look(shard, missing)));
  }
  return found;

  async function look(shard: number, indexes: readonly number[]): Promise<void> {
    const asked = indexes.map((index) => ids[index] ?? "");
    const answers = listOf(await ask(connection, shard, "find", asked));
    for (const [place, answer] of answers.entries()) {
      if (answer === false) continue;
      const [number = 0, state = 0, run = 0, version = 0] = listOf(answer).map(numberOf);
      found[indexes[place] ?? -1] = { shard, number, state: stateOf(state), ran: run !== 0, version };
    }
  }
}

export async function findJob(connection: Connection, id: JobId): Promise<FoundJob | undefined> {
  const [found] = await findJobs(connection, [id]);
  return found;
}
