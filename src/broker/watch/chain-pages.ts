import type { Job } from "../../../gen/conveyor/v1/job_pb.ts";
import type { JobSummary } from "../../core/job.ts";
import type { JobId } from "../../core/names.ts";
import { jobToWire } from "../../wire/job-to-wire.ts";
import { readJobs, type WatchContext } from "./watch-context.ts";

const pageSize = 500;

/** The jobs of a chain that changed at a time (in ms on the store's clock) or later, in pages; all of them without a time. */
export async function* chainPages(
  context: WatchContext,
  rootId: JobId,
  updatedSince: number | undefined,
): AsyncGenerator<readonly JobSummary[], void, undefined> {
  const filter = { rootId, updatedSince, states: [], includeChainFailed: true };
  let cursor: string | undefined;
  do {
    const page = await context.store.listJobs(filter, { size: pageSize, cursor });
    yield page.items;
    cursor = page.cursor;
  } while (cursor !== undefined);
}

/** Jobs as events show them; those that run are read for their progress. */
export async function eventJobs(context: WatchContext, jobs: readonly JobSummary[]): Promise<readonly Job[]> {
  const running = jobs.filter((job) => job.state === "RUNNING").map((job) => job.id);
  const read = new Map((await readJobs(context, running)).map((job) => [job?.id, job]));
  return jobs.map((job) => {
    const now = read.get(job.id);
    return now?.version === job.version ? now.shown : jobToWire(job, "BASIC");
  });
}
