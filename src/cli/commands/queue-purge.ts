import { JobState } from "../../../gen/conveyor/v1/job_pb.ts";
import { JobService } from "../../../gen/conveyor/v1/job_service_pb.ts";
import { bulkFlags, runBulk } from "../bulk.ts";
import type { Command, CommandContext } from "../command.ts";
import { bulkOptions } from "../deadline.ts";
import type { ExitCode } from "../exit-code.ts";

export const queuePurge: Command = {
  name: "queue purge",
  summary: "Cancel whatever waits in a queue; running jobs go on",
  positionals: ["queue"],
  flags: bulkFlags,
  examples: ["conveyor queue purge mail --dry-run", "conveyor queue purge mail --yes"],
  run,
};

/** All states of a job that has not run, or is to run again. */
const waiting = [JobState.SCHEDULED, JobState.READY, JobState.RETRYING, JobState.HELD];

function run(context: CommandContext): Promise<ExitCode> {
  const [queue = ""] = context.args.positionals;
  return runBulk(
    {
      verb: "cancel",
      done: "cancelled",
      noun: "job",
      page: (page) =>
        context.broker.call(
          JobService.method.cancelJobs,
          { filter: { queue, states: waiting }, ...page },
          bulkOptions(context),
        ),
    },
    context,
  );
}
