import { JobService } from "../../gen/conveyor/v1/job_service_pb.ts";
import { runBulk } from "./bulk.ts";
import type { CommandContext } from "./command.ts";
import { bulkOptions } from "./deadline.ts";
import type { ExitCode } from "./exit-code.ts";
import type { JobFilter } from "./job-filter.ts";

/** Retries all jobs that match; dead ones where no state is named. */
export function retryJobs(filter: JobFilter, context: CommandContext): Promise<ExitCode> {
  return runBulk(
    {
      verb: "retry",
      done: "retried",
      noun: "job",
      page: (page) => context.broker.call(JobService.method.retryJobs, { filter, ...page }, bulkOptions(context)),
    },
    context,
  );
}
