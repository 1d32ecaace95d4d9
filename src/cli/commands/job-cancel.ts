import { JobService } from "../../../gen/conveyor/v1/job_service_pb.ts";
import { bulkFlags, runBulk } from "../bulk.ts";
import { chosenId } from "../chosen-id.ts";
import type { Command, CommandContext } from "../command.ts";
import { askOptions, bulkOptions } from "../deadline.ts";
import type { ExitCode } from "../exit-code.ts";
import { jobFilterFlags, jobFilterOf } from "../job-filter.ts";
import { printChanged } from "../print-changed.ts";

export const jobCancel: Command = {
  name: "job cancel",
  summary: "Cancel a job with what is below it, or all jobs that match",
  positionals: ["[id]"],
  flags: {
    ...jobFilterFlags,
    "include-heirs": { help: "no heir below runs, not even those that run after a failure" },
    ...bulkFlags,
  },
  examples: [
    "conveyor job cancel 0199c0de-7b1a-7000-8000-000000000001 --include-heirs",
    "conveyor job cancel --queue mail --state ready --dry-run",
    "conveyor job cancel --type mail.v1.SendEmail --yes",
  ],
  run,
};

async function run(context: CommandContext): Promise<ExitCode> {
  const { args, broker } = context;
  const id = chosenId(args);
  const includeHeirs = args.has("include-heirs");
  if (id !== undefined) {
    const { job } = await broker.call(JobService.method.cancelJob, { id, includeHeirs }, askOptions(context));
    return printChanged(job, context);
  }
  const filter = jobFilterOf(args);
  return runBulk(
    {
      verb: "cancel",
      done: "cancelled",
      noun: "job",
      page: (page) =>
        broker.call(JobService.method.cancelJobs, { filter, includeHeirs, ...page }, bulkOptions(context)),
    },
    context,
  );
}
