import { type Attempt, AttemptOutcome, type Job, JobRole } from "../../../gen/conveyor/v1/job_pb.ts";
import { timeOf } from "./check-chains.ts";
import { enumName } from "./enum-name.ts";
import type { Evidence } from "./evidence.ts";
import type { Finding } from "./finding.ts";
import type { Start } from "./ledger.ts";
import type { Kill } from "./schedule.ts";

/** What the starts say: findings, and how many duplicates there were with a reason. */
export interface StartsVerdict {
  readonly findings: readonly Finding[];
  /** Starts after a lease that its killed worker had lost. */
  readonly afterKilledWorker: number;
  /** Starts after a lease that was lost because the broker was killed and the session was not taken up again. */
  readonly afterCutSession: number;
}

const minuteMs = 60_000;

/**
 * A job starts once, and again only after a failure or snooze that was accepted, or after its lease was lost: recorded so in its
 * history, of a session that was killed or cut off in the minute before.
 */
export function checkStarts({ jobs, starts, kills }: Evidence): StartsVerdict {
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
      const cause = causeOf(lost, kills);
      if (cause === "killed") afterKilledWorker += 1;
      else if (cause === "cut") afterCutSession += 1;
      else
        unmatched(
          `attempt ${lost.number} of ${lost.worker} was lost (${enumName(AttemptOutcome, lost.outcome)}), and nobody killed or cut it`,
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

function causeOf(lost: Attempt, kills: readonly Kill[]): "killed" | "cut" | undefined {
  const lostAt = timeOf(lost.endTime);
  const recent = kills.filter((kill) => kill.at <= lostAt && lostAt - kill.at <= minuteMs);
  if (recent.some((kill) => kill.worker === lost.worker)) return "killed";
  return recent.some((kill) => kill.what === "broker" && kill.at >= timeOf(lost.claimTime)) ? "cut" : undefined;
}
