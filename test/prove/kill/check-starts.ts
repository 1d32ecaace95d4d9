import { type Attempt, AttemptOutcome, type Job, JobRole } from "../../../gen/conveyor/v1/job_pb.ts";
import { timeOf } from "./check-chains.ts";
import { enumName } from "./enum-name.ts";
import type { Evidence } from "./evidence.ts";
import type { Finding } from "./finding.ts";
import type { Connection, Start } from "./ledger.ts";

type StartsEvidence = Pick<Evidence, "jobs" | "starts" | "ends" | "refusals" | "connections" | "kills">;

/** What the starts say: findings, and how many duplicates there were with a reason. */
export interface StartsVerdict {
  readonly findings: readonly Finding[];
  /** Starts after a lease that its killed worker had lost. */
  readonly afterKilledWorker: number;
  /** Starts after a lease whose worker wrote down that it was cut off. */
  readonly afterCutSession: number;
}

const apart: readonly Connection["state"][] = ["connecting", "disconnected", "superseded"];

/**
 * A job starts once, and again only after a failure or snooze that was accepted, or after its lease was lost: recorded so in its
 * history, and by a worker that was killed while it held the lease, or that itself wrote down how it lost it.
 */
export function checkStarts(evidence: StartsEvidence): StartsVerdict {
  const { jobs, starts } = evidence;
  const findings: Finding[] = [];
  let afterKilledWorker = 0;
  let afterCutSession = 0;
  for (const [jobId, lines] of starts) {
    const job = jobs.get(jobId);
    if (job === undefined) continue; // counted as unexpected elsewhere
    const unmatched = (text: string): void => {
      findings.push({ kind: job.role === JobRole.HEIR ? "heir released twice" : "unmatched start", job: jobId, text });
    };
    const sorted = lines.toSorted((one, other) => one.attempt - other.attempt);
    for (const [index, start] of sorted.entries()) {
      const problem = startProblem(job, start, sorted[index - 1]);
      if (problem !== undefined) unmatched(problem);
      const lost = lostBefore(job, sorted[index - 1]);
      if (lost === undefined) continue;
      const cause = causeOf(job, lost, evidence);
      if (cause === "killed") afterKilledWorker += 1;
      else if (cause === "cut") afterCutSession += 1;
      else
        unmatched(
          `attempt ${lost.number} of ${lost.worker} was lost (${enumName(AttemptOutcome, lost.outcome)}), which was neither killed nor knows of it`,
        );
    }
  }
  return { findings, afterKilledWorker, afterCutSession };
}

function startProblem(job: Job, start: Start, before: Start | undefined): string | undefined {
  if (before?.attempt === start.attempt)
    return `attempt ${start.attempt} started twice, by ${before.worker} and ${start.worker}`;
  const attempt = job.attempts.find((each) => each.number === start.attempt);
  if (attempt === undefined) return `attempt ${start.attempt} started, and is not in the history`;
  if (attempt.worker !== start.worker)
    return `attempt ${start.attempt} was leased to ${attempt.worker} and ran in ${start.worker}`;
  const previous = job.attempts.find((each) => each.number === before?.attempt);
  const retried: readonly AttemptOutcome[] = [
    AttemptOutcome.FAILED,
    AttemptOutcome.SNOOZED,
    AttemptOutcome.CRASHED,
    AttemptOutcome.RELEASED,
  ];
  if (previous === undefined || retried.includes(previous.outcome)) return undefined;
  return `attempt ${start.attempt} started after attempt ${previous.number} had ended as ${enumName(AttemptOutcome, previous.outcome)}`;
}

/** The attempt of the start before, when its lease was lost. */
function lostBefore(job: Job, before: Start | undefined): Attempt | undefined {
  const attempt = job.attempts.find((each) => each.number === before?.attempt);
  const isLost = attempt?.outcome === AttemptOutcome.CRASHED || attempt?.outcome === AttemptOutcome.RELEASED;
  return isLost ? attempt : undefined;
}

/**
 * `killed`: its worker was, while it held the lease. `cut`: the worker lost its connection after the claim, and either was told that
 * this very attempt is no longer its own, or was still cut off when the attempt was given up.
 */
function causeOf(
  job: Job,
  lost: Attempt,
  { ends, refusals, connections, kills }: StartsEvidence,
): "killed" | "cut" | undefined {
  const claimedAt = timeOf(lost.claimTime);
  const lostAt = timeOf(lost.endTime);
  const isItsOwn = (line: { readonly jobId: string; readonly attempt: number; readonly worker: string }) =>
    line.jobId === job.id && line.attempt === lost.number && line.worker === lost.worker;
  if (kills.some((kill) => kill.worker === lost.worker && kill.at >= claimedAt && kill.at <= lostAt)) return "killed";
  const told = [
    ...(ends.get(job.id) ?? []).filter((end) => end.how === "lost"),
    ...refusals.filter((refusal) => refusal.code === "LEASE_LOST"),
  ].find(isItsOwn);
  const lines = (connections.get(lost.worker) ?? []).filter((line) => line.at >= claimedAt);
  if (told !== undefined && lines.some((line) => apart.includes(line.state) && line.at <= told.at)) return "cut";
  const last = lines.findLast((line) => line.at <= lostAt);
  return last !== undefined && apart.includes(last.state) ? "cut" : undefined;
}
