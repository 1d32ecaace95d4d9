import { JobService } from "../../../gen/conveyor/v1/job_service_pb.ts";
import { bulkFlags } from "../bulk.ts";
import { chosenId } from "../chosen-id.ts";
import type { Command, CommandContext } from "../command.ts";
import { bulkOptions } from "../deadline.ts";
import { deleteJobs } from "../delete-jobs.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { jobFilterFlags, jobFilterOf } from "../job-filter.ts";
import { printJson } from "../print.ts";
import { printable } from "../terminal.ts";

export const jobDelete: Command = {
  name: "job delete",
  summary: "Remove a chain that has ended for good, by the id of its root, or all whose root matches",
  positionals: ["[id]"],
  flags: { ...jobFilterFlags, ...bulkFlags },
  examples: [
    "conveyor job delete 0199c0de-7b1a-7000-8000-000000000003",
    "conveyor job delete --queue mail --state completed --state cancelled --yes",
  ],
  run,
};

async function run(context: CommandContext): Promise<ExitCode> {
  const { args, broker, terminal } = context;
  const id = chosenId(args);
  if (id === undefined) return deleteJobs(jobFilterOf(args), context);
  await broker.call(JobService.method.deleteJob, { id }, bulkOptions(context));
  if (terminal.format === "table") terminal.data(`${printable(id)} deleted`);
  else printJson({ id, deleted: true }, terminal);
  return exitCodes.ok;
}
