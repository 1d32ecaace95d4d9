import { toJson } from "@bufbuild/protobuf";
import { type Job, JobSchema } from "../../../gen/conveyor/v1/job_pb.ts";
import { ListJobsResponseSchema } from "../../../gen/conveyor/v1/job_service_pb.ts";
import { parseInteger } from "../arguments.ts";
import type { Command, CommandContext } from "../command.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { jobFilterFlags, jobFilterOf } from "../job-filter.ts";
import { timeText } from "../job-lines.ts";
import { stateText } from "../job-text.ts";
import { listJobs } from "../list-jobs.ts";
import { printJson } from "../print.ts";
import { tableLines } from "../table.ts";

export const jobList: Command = {
  name: "job list",
  summary: "List jobs, newest first",
  positionals: [],
  flags: {
    ...jobFilterFlags,
    limit: { value: "N", help: "at most this many (default 100)" },
  },
  examples: ["conveyor job list --state dead --queue mail --limit 20"],
  run,
};

async function run(context: CommandContext): Promise<ExitCode> {
  const { args, terminal } = context;
  const filter = jobFilterOf(args);
  const jobsMax = parseInteger(args.value("limit"), { flag: "--limit", min: 1, max: 100_000 }) ?? 100;
  const { jobs, more } = await listJobs(filter, jobsMax, context);
  if (terminal.format === "jsonl") for (const job of jobs) printJson(toJson(JobSchema, job), terminal);
  else if (terminal.format === "json") {
    printJson(
      toJson(ListJobsResponseSchema, { $typeName: "conveyor.v1.ListJobsResponse", jobs: [...jobs], nextPageToken: "" }),
      terminal,
    );
  } else printTable(jobs, context);
  if (more) terminal.talk(`there are more; --limit shows them`);
  return exitCodes.ok;
}

function printTable(jobs: readonly Job[], { terminal }: CommandContext): void {
  if (jobs.length === 0) {
    terminal.talk("no jobs match");
    return;
  }
  const columns = [
    { title: "id" },
    { title: "type" },
    { title: "state" },
    { title: "queue" },
    { title: "attempt", right: true },
    { title: "created" },
    { title: "reason" },
  ];
  const rows = jobs.map((job) => [
    job.id,
    job.type,
    { painted: stateText(job.state, terminal) },
    job.queue,
    String(job.attempt),
    timeText(job.createTime),
    job.reason,
  ]);
  for (const line of tableLines(columns, rows, terminal)) terminal.data(line);
}
