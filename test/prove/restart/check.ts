import { AttemptOutcome, type Job, JobState } from "../../../gen/conveyor/v1/job_pb.ts";
import { timeOf } from "../kill/check-chains.ts";
import { enumName } from "../kill/enum-name.ts";
import { grouped } from "../kill/grouped.ts";
import type { Start } from "../kill/ledger.ts";

/** What handlers and store say after the restarts. */
export interface Aftermath {
  readonly enqueued: readonly string[];
  readonly jobs: readonly Job[];
  readonly starts: readonly Start[];
  readonly workers: readonly string[];
  /** After the last restart; every worker ran something since. */
  readonly probedAt: number;
}

/** What is wrong, a line each: every job started once and counts as done by that attempt, every worker kept its session. */
export function problemsOf({ enqueued, jobs, starts, workers, probedAt }: Aftermath): readonly string[] {
  const byJob = grouped(starts, (start) => start.jobId);
  const attempts = jobs.flatMap((job) => job.attempts);
  const sessions = workers.map((worker) => {
    const own = attempts.filter((attempt) => attempt.worker === worker);
    const probed = own.some((attempt) => timeOf(attempt.claimTime) >= probedAt);
    return { worker, probed, ids: new Set(own.map((attempt) => attempt.sessionId)) };
  });
  return [
    ...(jobs.length === enqueued.length ? [] : [`${jobs.length} jobs in the store, ${enqueued.length} were enqueued`]),
    ...enqueued.flatMap((id) => {
      const count = byJob.get(id)?.length ?? 0;
      return count === 1 ? [] : [`${id} started ${count} times`];
    }),
    ...jobs.flatMap((job) => {
      const outcomes = job.attempts.map((attempt) => enumName(AttemptOutcome, attempt.outcome)).join(", ");
      const isWell = job.state === JobState.COMPLETED && outcomes === "SUCCEEDED";
      return isWell ? [] : [`${job.id} is ${enumName(JobState, job.state)} after ${outcomes}`];
    }),
    ...sessions
      .filter(({ probed }) => !probed)
      .map(({ worker }) => `not proven: ${worker} ran nothing after the restarts`),
    ...sessions.flatMap(({ worker, ids }) =>
      ids.size === 1 ? [] : [`${worker} had ${ids.size} sessions: ${[...ids].join(", ")}`],
    ),
  ];
}
