import { AttemptOutcome, type Job, JobState } from "../../../gen/conveyor/v1/job_pb.ts";
import { enumName } from "./enum-name.ts";
import type { Evidence } from "./evidence.ts";
import type { Finding } from "./finding.ts";
import { resultTokenOf } from "./job-script.ts";
import type { End } from "./ledger.ts";
import { typeNames } from "./script.ts";

/** What must be the last attempt of a job when it is recorded. */
const final: readonly AttemptOutcome[] = [AttemptOutcome.SUCCEEDED, AttemptOutcome.DISCARDED, AttemptOutcome.CANCELLED];

const endOf: ReadonlyMap<AttemptOutcome, End["how"]> = new Map([
  [AttemptOutcome.SUCCEEDED, "success"],
  [AttemptOutcome.FAILED, "failure"],
  [AttemptOutcome.SNOOZED, "snooze"],
  [AttemptOutcome.DISCARDED, "discard"],
]);

/** One accepted outcome for each attempt, and one end for each job: the one that its handler wrote down. */
export function checkOutcomes({ jobs, ends, queues, refusals }: Evidence): readonly Finding[] {
  const findings: Finding[] = [];
  for (const job of jobs.values()) {
    findings.push(...checkHistory(job), ...checkAgainstLedger(job, ends.get(job.id) ?? []));
    const wrongResult = checkResult(job, jobs);
    if (wrongResult !== undefined) findings.push({ kind: "second outcome", job: job.id, text: wrongResult });
  }
  for (const { jobId, attempt: number, worker, text } of refusals) {
    const attempt = jobs.get(jobId)?.attempts.find((each) => each.number === number && each.worker === worker);
    // A repeat whose lease was replaced meanwhile is refused as lost, although its outcome counts: the newest lease alone is remembered.
    const isNewest = jobs.get(jobId)?.attempt === number;
    if (attempt === undefined || !isNewest || !endOf.has(attempt.outcome)) continue;
    const recorded = enumName(AttemptOutcome, attempt.outcome);
    findings.push({
      kind: "second outcome",
      job: jobId,
      text: `attempt ${number} counts as ${recorded}, and ${worker} was told: ${text}`,
    });
  }
  for (const queue of queues) {
    const own = [...jobs.values()].filter((job) => job.queue === queue.name);
    for (const { state, count } of queue.counts) {
      const found = own.filter((job) => job.state === state).length;
      const text = `the queue counts ${count} jobs in ${enumName(JobState, state)}, there are ${found}`;
      if (Number(count) !== found) findings.push({ kind: "unexpected", job: queue.name, text });
    }
    const counted = queue.counts.reduce((sum, each) => sum + Number(each.count), 0);
    const text = `the queue counts ${counted} jobs, there are ${own.length}`;
    if (counted !== own.length) findings.push({ kind: "unexpected", job: queue.name, text });
  }
  return findings;
}

function checkHistory(job: Job): readonly Finding[] {
  const findings: Finding[] = [];
  const { attempts } = job;
  const ended = attempts.findIndex((attempt) => final.includes(attempt.outcome));
  if (ended >= 0 && ended < attempts.length - 1) {
    const text = `attempt ${attempts[ended]?.number} ended the job, and others follow: ${outline(job)}`;
    findings.push({ kind: "second outcome", job: job.id, text });
  }
  if (attempts.some((attempt, index) => attempt.number !== index + 1) || attempts.length !== job.attempt) {
    findings.push({
      kind: "second outcome",
      job: job.id,
      text: `attempts are not 1 to ${job.attempt}: ${outline(job)}`,
    });
  }
  const counts = [
    ["failures", job.failureCount, [AttemptOutcome.FAILED, AttemptOutcome.TIMED_OUT]],
    ["crashes", job.crashCount, [AttemptOutcome.CRASHED]],
    ["snoozes", job.snoozeCount, [AttemptOutcome.SNOOZED]],
    ["releases", job.releaseCount, [AttemptOutcome.RELEASED]],
  ] as const;
  for (const [name, count, outcomes] of counts) {
    const found = attempts.filter((attempt) => outcomes.some((each) => each === attempt.outcome)).length;
    const text = `counts ${count} ${name}, its history has ${found}: ${outline(job)}`;
    if (found !== count) findings.push({ kind: "unexpected", job: job.id, text });
  }
  return findings;
}

function checkAgainstLedger(job: Job, ends: readonly End[]): readonly Finding[] {
  return job.attempts.flatMap((attempt): readonly Finding[] => {
    const how = endOf.get(attempt.outcome);
    const own = ends.filter((end) => end.attempt === attempt.number);
    if (how === undefined || own.some((end) => end.how === how && end.worker === attempt.worker)) return [];
    const said = own.map((end) => `${end.how} by ${end.worker}`).join(", ") || "nothing";
    const text = `attempt ${attempt.number} is recorded as ${enumName(AttemptOutcome, attempt.outcome)} of ${attempt.worker}, its ledger says ${said}`;
    return [{ kind: "second outcome", job: job.id, text }];
  });
}

/** The result of a job with one is that of its own accepted attempt, or of its completed as_result heir. */
function checkResult(job: Job, jobs: ReadonlyMap<string, Job>): string | undefined {
  const token = resultTokenOf(job);
  if (job.state !== JobState.COMPLETED || job.type === typeNames.chore || job.type === typeNames.group)
    return undefined;
  if (token === undefined) return job.type === typeNames.album ? undefined : "completed, and has no result";
  const [maker, attempt] = token.split("#");
  const by = jobs.get(maker ?? "");
  const succeeded = by?.attempts.find((each) => each.outcome === AttemptOutcome.SUCCEEDED);
  const related = by !== undefined && (by.id === job.id || (by.asResult && by.parentId === job.id));
  if (related && succeeded?.number === Number(attempt)) return undefined;
  return `its result is of ${token}, which is not the accepted attempt`;
}

function outline(job: Job): string {
  return job.attempts.map((attempt) => `${attempt.number} ${enumName(AttemptOutcome, attempt.outcome)}`).join(", ");
}
