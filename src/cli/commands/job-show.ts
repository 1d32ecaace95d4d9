import { JobService } from "../../../gen/conveyor/v1/job_service_pb.ts";
import { ConveyorError } from "../../core/errors.ts";
import type { Command, CommandContext } from "../command.ts";
import { askOptions } from "../deadline.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { printJob } from "../print-job.ts";

export const jobShow: Command = {
  name: "job show",
  summary: "Show a job with its payload, result and attempts",
  positionals: ["id"],
  flags: {},
  examples: ["conveyor job show 0199c0de-7b1a-7000-8000-000000000001 -o json"],
  run,
};

async function run(context: CommandContext): Promise<ExitCode> {
  const [id = ""] = context.args.positionals;
  const { job } = await context.broker.call(JobService.method.getJob, { id }, askOptions(context));
  if (job === undefined) throw new ConveyorError("INTERNAL", "the broker answered without the job");
  await printJob(job, context);
  return exitCodes.ok;
}
