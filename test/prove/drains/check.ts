import { AttemptOutcome, type Job, JobState } from "../../../gen/conveyor/v1/job_pb.ts";
import { enumName } from "../kill/enum-name.ts";

/** What the lanes say after their drains. */
export interface DrainFigures {
  readonly drains: number;
  /** Leases that were held when the drains began, of all drains. */
  readonly held: number;
  /** The same, of the drain that began with the fewest. */
  readonly heldLeast: number;
  /** Handlers that were aborted at a deadline. */
  readonly aborted: number;
}

/** And at the end. */
export interface FinalFigures {
  /** How often the handler of each job came to its end. */
  readonly finished: readonly (readonly [jobId: string, count: number])[];
  /** What workers reported beside. */
  readonly errors: readonly string[];
}

/** What is wrong, a line each: every job was finished once and counts so, whatever was given back before; nothing was burned. */
export function problemsOf(
  enqueued: readonly string[],
  jobs: readonly Job[],
  { finished, errors }: FinalFigures,
): readonly string[] {
  const counts = new Map(finished);
  return [
    ...(jobs.length === enqueued.length ? [] : [`${jobs.length} jobs in the store, ${enqueued.length} were enqueued`]),
    ...enqueued.flatMap((id) => (counts.get(id) === 1 ? [] : [`${id} was finished ${counts.get(id) ?? 0} times`])),
    ...jobs.flatMap((job) => {
      const succeeded = job.attempts.filter((each) => each.outcome === AttemptOutcome.SUCCEEDED).length;
      const others = job.attempts.filter(
        ({ outcome }) => outcome !== AttemptOutcome.SUCCEEDED && outcome !== AttemptOutcome.RELEASED,
      );
      const isWell = job.state === JobState.COMPLETED && succeeded === 1 && others.length === 0;
      const burned = job.failureCount + job.crashCount;
      if (isWell && burned === 0) return [];
      const outcomes = job.attempts.map((each) => enumName(AttemptOutcome, each.outcome)).join(", ");
      return [`${job.id} is ${enumName(JobState, job.state)} with ${burned} burned after ${outcomes}`];
    }),
    ...errors.map((error) => `a worker reported ${error}`),
  ];
}
