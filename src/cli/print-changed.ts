import type { Job } from "../../gen/conveyor/v1/job_pb.ts";
import { ConveyorError } from "../core/errors.ts";
import type { CommandContext } from "./command.ts";
import { type ExitCode, exitCodes } from "./exit-code.ts";
import { stateText } from "./job-text.ts";
import { jobJson } from "./message-json.ts";
import { printJson } from "./print.ts";
import { printable } from "./terminal.ts";

/** Prints where a job stands after it was changed. */
export async function printChanged(job: Job | undefined, { terminal, broker }: CommandContext): Promise<ExitCode> {
  if (job === undefined) throw new ConveyorError("INTERNAL", "the broker answered without the job");
  if (terminal.format === "table") {
    const asked = job.cancelRequested ? ", cancel requested" : "";
    terminal.data(`${printable(job.id)}  ${stateText(job.state, terminal)}${asked}`);
  } else {
    printJson(await jobJson(job, broker.types), terminal);
  }
  return exitCodes.ok;
}
