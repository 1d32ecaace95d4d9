import { JobService } from "../../gen/conveyor/v1/job_service_pb.ts";
import { runBulk } from "./bulk.ts";
import type { CommandContext } from "./command.ts";
import { bulkOptions } from "./deadline.ts";
import type { ExitCode } from "./exit-code.ts";
import type { JobFilter } from "./job-filter.ts";

/** Removes all terminal chains whose root matches. */
export function deleteJobs(filter: JobFilter, context: CommandContext): Promise<ExitCode> {
  return runBulk(
    {
      verb: "delete",
      done: "deleted",
      noun: "chain",
      page: (page) => context.broker.call(JobService.method.deleteJobs, { filter, ...page }, bulkOptions(context)),
    },
    context,
  );
}
