import type { QueueName } from "../../core/names.ts";
import type { QueueChange, QueueRecord } from "../queue.ts";
import { type Writing, writeAll } from "./calls.ts";
import { packChange } from "./queue-settings.ts";
import { getQueue } from "./queues.ts";

/** Sets what `change` names on every shard, and makes the queue when it is new. */
export async function updateQueue(writing: Writing, name: QueueName, change: QueueChange): Promise<QueueRecord> {
  await writeAll(writing, "queue", () => [name, packChange(change)]);
  const record = await getQueue(writing.connection, name);
  if (record === undefined) throw new Error(`queue ${name} is missing`);
  return record;
}
