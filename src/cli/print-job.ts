import type { Job } from "../../gen/conveyor/v1/job_pb.ts";
import type { CommandContext } from "./command.ts";
import { jobLines } from "./job-lines.ts";
import { jobJson } from "./message-json.ts";
import { printJson } from "./print.ts";

/** Prints a job whole, in the format that was asked for. */
export async function printJob(job: Job, { terminal, broker }: CommandContext): Promise<void> {
  if (terminal.format === "table") {
    for (const line of await jobLines(job, terminal, broker.types)) terminal.data(line);
  } else {
    printJson(await jobJson(job, broker.types), terminal);
  }
}
