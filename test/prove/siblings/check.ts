import { AttemptOutcome, type Job, JobRole, JobState } from "../../../gen/conveyor/v1/job_pb.ts";
import type { Queue } from "../../../gen/conveyor/v1/queue_service_pb.ts";
import { timeOf } from "../kill/check-chains.ts";
import { enumName } from "../kill/enum-name.ts";
import { grouped } from "../kill/grouped.ts";

/** What the store and the handlers say after a run. */
export interface Outcome {
  readonly chains: number;
  readonly jobs: readonly Job[];
  readonly queues: readonly Queue[];
  /** Starts of the heir of each chain, by the name of the chain. */
  readonly heirs: ReadonlyMap<string, number>;
  /** What workers and producer were told that they should not have been. */
  readonly errors: readonly string[];
}

/** What is wrong, a line each. */
export function problemsOf({ chains, jobs, queues, heirs, errors }: Outcome): readonly string[] {
  const families = grouped(jobs, (job) => job.rootId);
  const twice = [...heirs].filter(([, starts]) => starts !== 1);
  return [
    ...errors.map((text) => `an error reached a client: ${text}`),
    ...(families.size === chains ? [] : [`${families.size} chains in the store, ${chains} were enqueued`]),
    ...(heirs.size === chains ? [] : [`heirs of ${heirs.size} chains ran, there are ${chains}`]),
    ...twice.map(([chain, starts]) => `the heir of ${chain} started ${starts} times`),
    ...[...families.values()].flatMap(familyProblems),
    ...queues.flatMap((queue) => countProblems(queue, jobs)),
  ];
}

function familyProblems(family: readonly Job[]): readonly string[] {
  const root = family.find((job) => job.role === JobRole.ROOT)?.id;
  const shape = family.map((job) => enumName(JobRole, job.role)).sort();
  const problems = family.flatMap((job) => {
    if (job.state !== JobState.COMPLETED) return [`${job.id} is ${enumName(JobState, job.state)} ${job.reason}`];
    if (job.type === "conveyor.v1.Group") return [];
    const outcomes = job.attempts.map((attempt) => attempt.outcome);
    return outcomes.length === 1 && outcomes[0] === AttemptOutcome.SUCCEEDED
      ? []
      : [`${job.id} has the attempts ${outcomes.map((outcome) => enumName(AttemptOutcome, outcome)).join(", ")}`];
  });
  return shape.join() === "CHILD,CHILD,HEIR,ROOT"
    ? problems
    : [`chain ${root} is made of ${shape.join()}`, ...problems];
}

function countProblems(queue: Queue, jobs: readonly Job[]): readonly string[] {
  return queue.counts.flatMap(({ state, count }) => {
    const found = jobs.filter((job) => job.queue === queue.name && job.state === state).length;
    return found === Number(count)
      ? []
      : [`queue ${queue.name} counts ${count} in ${enumName(JobState, state)}, there are ${found}`];
  });
}

/** How far apart the two children of each chain ended on the store's clock, in ms, sorted. */
export function apartOf(jobs: readonly Job[]): readonly number[] {
  const children = grouped(
    jobs.filter((job) => job.role === JobRole.CHILD),
    (job) => job.rootId,
  );
  return [...children.values()]
    .map(([one, other]) => Math.abs(timeOf(one?.finishTime) - timeOf(other?.finishTime)))
    .sort((one, other) => one - other);
}
