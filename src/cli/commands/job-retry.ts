import { JobService } from "../../../gen/conveyor/v1/job_service_pb.ts";
import { ConveyorError } from "../../core/errors.ts";
import { parseInteger } from "../arguments.ts";
import { bulkFlags } from "../bulk.ts";
import { chosenId } from "../chosen-id.ts";
import type { Command, CommandContext } from "../command.ts";
import { askOptions } from "../deadline.ts";
import type { ExitCode } from "../exit-code.ts";
import { jobFilterFlags, jobFilterOf } from "../job-filter.ts";
import { printChanged } from "../print-changed.ts";
import { retryJobs } from "../retry-jobs.ts";

export const jobRetry: Command = {
  name: "job retry",
  summary: "Run a dead job again and reopen the chain above it, or do so with all jobs that match",
  positionals: ["[id]"],
  flags: {
    ...jobFilterFlags,
    "expected-epoch": { value: "N", help: "the job's epoch as you saw it: a repeat of this command changes nothing" },
    ...bulkFlags,
  },
  examples: [
    "conveyor job retry 0199c0de-7b1a-7000-8000-000000000002 --expected-epoch 0",
    "conveyor job retry --queue mail --state dead --yes",
    "conveyor job retry --queue mail --state retrying --dry-run",
  ],
  run,
};

async function run(context: CommandContext): Promise<ExitCode> {
  const { args, broker } = context;
  const id = chosenId(args);
  const expectedEpoch = parseInteger(args.value("expected-epoch"), {
    flag: "--expected-epoch",
    min: 0,
    max: 2 ** 32 - 1,
  });
  if (id === undefined) {
    if (expectedEpoch !== undefined)
      throw new ConveyorError("INVALID_OPTION", "--expected-epoch is about one job; give its id");
    return retryJobs(jobFilterOf(args), context);
  }
  const request = { id, ...(expectedEpoch === undefined ? {} : { expectedEpoch }) };
  const { job } = await broker.call(JobService.method.retryJob, request, askOptions(context));
  return printChanged(job, context);
}
