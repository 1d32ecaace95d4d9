import { WaitUntil } from "../../../gen/conveyor/v1/job_service_pb.ts";
import { parseChoice } from "../arguments.ts";
import type { Command, CommandContext } from "../command.ts";
import type { ExitCode } from "../exit-code.ts";
import { printJob } from "../print-job.ts";
import { exitCodeOfJob, waitForJob } from "../wait-for-job.ts";

export const jobWait: Command = {
  name: "job wait",
  summary: "Wait for a job's end and print it; exit status 1 when it failed, 6 after --timeout",
  positionals: ["id"],
  flags: {
    until: { value: "ran|terminal", help: "its own run was accepted, or it and all below it ended (default terminal)" },
  },
  examples: ["conveyor job wait 0199c0de-7b1a-7000-8000-000000000001 --timeout 5m"],
  run,
};

async function run(context: CommandContext): Promise<ExitCode> {
  const [id = ""] = context.args.positionals;
  const until = parseChoice(context.args.value("until") ?? "terminal", ["RAN", "TERMINAL"], "--until");
  const job = await waitForJob(id, WaitUntil[until], context);
  await printJob(job, context);
  return exitCodeOfJob(job);
}
