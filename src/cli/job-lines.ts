import { timestampDate } from "@bufbuild/protobuf/wkt";
import {
  type Attempt,
  AttemptOutcomeSchema,
  HoldReasonSchema,
  type Job,
  JobRole,
} from "../../gen/conveyor/v1/job_pb.ts";
import { stateText, triggerText, words } from "./job-text.ts";
import { anyJson } from "./message-json.ts";
import type { ReflectedTypes } from "./reflected-types.ts";
import { printable, type Terminal } from "./terminal.ts";
import { formatSpan } from "./time.ts";

type Stamp = Parameters<typeof timestampDate>[0];

/** A time in UTC, to the millisecond; a dash where there is none. */
export function timeText(time: Stamp | undefined): string {
  return time === undefined ? "-" : timestampDate(time).toISOString();
}

/** A job for people: what it is, where it stands, payload, result, attempts. */
export async function jobLines(job: Job, terminal: Terminal, types: ReflectedTypes): Promise<readonly string[]> {
  const facts = factsOf(job, terminal).filter(([, text]) => text !== "");
  const width = Math.max(...facts.map(([name]) => name.length));
  const lines = facts.map(([name, text]) => `${terminal.paint("dim", name.padEnd(width))}  ${text}`);
  for (const [name, any] of [
    ["payload", job.payload],
    ["result", job.result],
  ] as const) {
    if (any !== undefined) lines.push("", terminal.paint("bold", name), ...jsonLines(await anyJson(any, types)));
  }
  if (job.attempts.length > 0) lines.push("", terminal.paint("bold", "attempts"), ...attemptsOf(job));
  return lines;
}

function factsOf(job: Job, terminal: Terminal): readonly (readonly [string, string])[] {
  const hold = job.holdReason === 0 ? "" : ` (${words(HoldReasonSchema, job.holdReason)})`;
  const reason = job.reason === "" ? "" : ` ${printable(job.reason)}`;
  return [
    ["id", printable(job.id)],
    ["type", printable(job.type)],
    ["state", `${stateText(job.state, terminal)}${hold}${reason}${job.cancelRequested ? ", cancel requested" : ""}`],
    ["queue", `${printable(job.queue)}${job.priority === 0 ? "" : `, priority ${job.priority}`}`],
    ["place", placeOf(job)],
    ["open below", openBelow(job)],
    ["created", timeText(job.createTime)],
    ["runs from", timeText(job.runTime)],
    ["run ended", job.runEndTime === undefined ? "" : timeText(job.runEndTime)],
    ["finished", job.finishTime === undefined ? "" : timeText(job.finishTime)],
    ["progress", progressOf(job)],
    ["counts", countsOf(job)],
    ["request id", printable(job.requestId)],
    [
      "metadata",
      Object.entries(job.metadata)
        .map(([key, value]) => printable(`${key}=${value}`))
        .join(", "),
    ],
  ];
}

function placeOf(job: Job): string {
  if (job.parentId === "") return "";
  const key = job.key === "" ? "" : ` "${printable(job.key)}"`;
  const role = job.role === JobRole.HEIR ? `heir when ${triggerText(job.trigger)}` : "child";
  return `${role}${key} of ${printable(job.parentId)}, chain ${printable(job.rootId)}, depth ${job.depth}`;
}

function openBelow(job: Job): string {
  if (job.pendingChildren + job.pendingHeirs === 0) return "";
  const children = job.pendingChildren === 1 ? "child" : "children";
  return `${job.pendingChildren} ${children}, ${job.pendingHeirs} heir${job.pendingHeirs === 1 ? "" : "s"}`;
}

function progressOf({ progress }: Job): string {
  if (progress === undefined) return "";
  const percent = progress.fraction === undefined ? "" : `${Math.floor(progress.fraction * 100)} %`;
  const details = progress.details === undefined ? "" : JSON.stringify(progress.details);
  const said = [percent, progress.message, details].filter((part) => part !== "").map(printable);
  return `${said.join(", ")} (attempt ${progress.attempt}, ${timeText(progress.updateTime)})`;
}

function countsOf(job: Job): string {
  const parts = [
    [job.attempt, "attempt", "attempts"],
    [job.failureCount, "failure", "failures"],
    [job.crashCount, "crash", "crashes"],
    [job.snoozeCount, "snooze", "snoozes"],
    [job.releaseCount, "release", "releases"],
    [job.epoch, "revival", "revivals"],
  ] as const;
  return parts
    .filter(([count]) => count > 0)
    .map(([count, one, many]) => `${count} ${count === 1 ? one : many}`)
    .join(", ");
}

function attemptsOf(job: Job): readonly string[] {
  const lines = job.attempts.flatMap((attempt) => attemptLines(attempt));
  return job.attemptsOmitted === 0 ? lines : [...lines, `  (${job.attemptsOmitted} between them not kept)`];
}

function attemptLines(attempt: Attempt): readonly string[] {
  const { claimTime, endTime, error } = attempt;
  const took =
    claimTime === undefined || endTime === undefined
      ? ""
      : ` after ${formatSpan(timestampDate(endTime).getTime() - timestampDate(claimTime).getTime())}`;
  const outcome = attempt.outcome === 0 ? "running" : words(AttemptOutcomeSchema, attempt.outcome);
  const head = `  ${attempt.number}  ${outcome}${took} on ${printable(attempt.worker)}, ${timeText(claimTime)}`;
  if (error === undefined) return [head];
  const stack = error.stack.split("\n").filter((line) => line.trim() !== "");
  return [
    head,
    `     ${printable(`${error.name}: ${error.message}`)}`,
    ...stack.slice(0, 5).map((line) => `       ${printable(line.trim())}`),
  ];
}

function jsonLines(json: unknown): readonly string[] {
  return JSON.stringify(json, null, 2)
    .split("\n")
    .map((line) => `  ${printable(line)}`);
}
