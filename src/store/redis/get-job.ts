import type { JobDetail } from "../../core/job.ts";
import type { JobId } from "../../core/names.ts";
import { ask, askAll } from "./ask.ts";
import type { Connection } from "./connection.ts";
import { detailOf } from "./job-record.ts";
import { shardOf } from "./shards.ts";

/** A job with everything; what lies below a root may be on any shard. */
export async function getJob(connection: Connection, id: JobId): Promise<JobDetail | undefined> {
  const first = await ask(connection, shardOf(id, connection.shards), "detail", id);
  if (first !== false) return detailOf(first);
  if (connection.shards === 1) return undefined;
  const found = (await askAll(connection, "detail", id)).find((answer) => answer !== false);
  return found === undefined ? undefined : detailOf(found);
}
