import type { QueueName } from "../../core/names.ts";
import type { QueueChange, QueueRecord } from "../queue.ts";
import type { Connection } from "./connection.ts";
import { getQueue } from "./read-queue.ts";

export async function updateQueue(connection: Connection, name: QueueName, change: QueueChange): Promise<QueueRecord> {
  const { backoff } = change;
  // A key that is there without a value is cleared.
  const cleared = Object.fromEntries(Object.entries(change).map(([key, value]) => [key, value ?? null]));
  const given = backoff === undefined ? cleared : { ...cleared, backoff: JSON.stringify(backoff) };
  await connection.write(() => ({
    text: `SELECT ${connection.schema}.update_queue($1, $2)`,
    values: [name, JSON.stringify(given)],
  }));
  const record = await getQueue(connection, name);
  if (record === undefined) throw new Error(`queue ${name} is missing`);
  return record;
}
