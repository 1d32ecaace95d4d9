import { toJson } from "@bufbuild/protobuf";
import { type Job, type JobError, JobErrorSchema, JobSchema } from "../../../gen/conveyor/v1/job_pb.ts";
import { JobService, ListJobsResponseSchema } from "../../../gen/conveyor/v1/job_service_pb.ts";
import { parseInteger } from "../arguments.ts";
import type { Command, CommandContext } from "../command.ts";
import { type DeadGroup, deadGroups } from "../dead-groups.ts";
import { askOptions } from "../deadline.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { deadFilterFlags, deadFilterOf } from "../job-filter.ts";
import { timeText } from "../job-lines.ts";
import { listJobs } from "../list-jobs.ts";
import { printJson } from "../print.ts";
import { tableLines } from "../table.ts";

export const deadList: Command = {
  name: "dead list",
  summary: "List dead jobs, grouped by error",
  positionals: [],
  flags: {
    ...deadFilterFlags,
    list: { help: "one line a job instead of a group" },
    limit: { value: "N", help: "look at the newest N (default 1000)" },
  },
  examples: ["conveyor dead list --queue mail", "conveyor dead list --list --all -o jsonl"],
  run,
};

/** Groups whose error is looked up: each takes a call. */
const groupsMax = 100;

async function run(context: CommandContext): Promise<ExitCode> {
  const { args, terminal } = context;
  const jobsMax = parseInteger(args.value("limit"), { flag: "--limit", min: 1, max: 100_000 }) ?? 1_000;
  const { jobs, more } = await listJobs(deadFilterOf(args), jobsMax, context);
  if (jobs.length === 0) terminal.talk("no dead jobs");
  if (args.has("list")) printList(jobs, context);
  else await printGroups(jobs, context);
  if (more) terminal.talk(`only the newest ${jobsMax} were looked at; --limit looks further`);
  return exitCodes.ok;
}

function printList(jobs: readonly Job[], { terminal }: CommandContext): void {
  if (terminal.format === "jsonl") {
    for (const job of jobs) printJson(toJson(JobSchema, job), terminal);
  } else if (terminal.format === "json") {
    const list = { $typeName: "conveyor.v1.ListJobsResponse" as const, jobs: [...jobs], nextPageToken: "" };
    printJson(toJson(ListJobsResponseSchema, list), terminal);
  } else if (jobs.length > 0) {
    const columns = [
      { title: "id" },
      { title: "type" },
      { title: "queue" },
      { title: "reason" },
      { title: "finished" },
    ];
    const rows = jobs.map((job) => [job.id, job.type, job.queue, job.reason, timeText(job.finishTime)]);
    for (const line of tableLines(columns, rows, terminal)) terminal.data(line);
  }
}

async function printGroups(jobs: readonly Job[], context: CommandContext): Promise<void> {
  const { terminal } = context;
  const groups: (DeadGroup & { readonly error: JobError | undefined })[] = [];
  for (const group of deadGroups(jobs).slice(0, groupsMax)) {
    groups.push({ ...group, error: await lastError(group.newest.id, context) });
  }
  if (terminal.format !== "table") {
    const json = groups.map(groupJson);
    if (terminal.format === "json") printJson({ groups: json }, terminal);
    else for (const each of json) printJson(each, terminal);
    return;
  }
  if (groups.length === 0) return;
  const columns = [
    { title: "jobs", right: true },
    { title: "type" },
    { title: "reason" },
    { title: "newest" },
    { title: "newest id" },
    { title: "fingerprint" },
    { title: "error" },
  ];
  const rows = groups.map((group) => [
    String(group.count),
    group.type,
    group.reason,
    timeText(group.newest.finishTime),
    group.newest.id,
    group.fingerprint,
    group.error === undefined ? "" : `${group.error.name}: ${group.error.message}`,
  ]);
  for (const line of tableLines(columns, rows, terminal)) terminal.data(line);
}

function groupJson(group: DeadGroup & { readonly error: JobError | undefined }) {
  return {
    type: group.type,
    reason: group.reason,
    errorFingerprint: group.fingerprint,
    count: group.count,
    newestId: group.newest.id,
    newestTime: timeText(group.newest.finishTime),
    oldestTime: timeText(group.oldest.finishTime),
    ...(group.error === undefined ? {} : { error: toJson(JobErrorSchema, group.error) }),
  };
}

async function lastError(id: string, context: CommandContext): Promise<JobError | undefined> {
  const { job } = await context.broker.call(JobService.method.getJob, { id }, askOptions(context));
  return job?.attempts.findLast((attempt) => attempt.error !== undefined)?.error;
}
