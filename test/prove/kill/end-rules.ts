import {
  AttemptOutcome,
  FailurePolicy,
  type Job,
  JobRole,
  JobState,
  Trigger,
} from "../../../gen/conveyor/v1/job_pb.ts";
import type { Queue } from "../../../gen/conveyor/v1/queue_service_pb.ts";
import { enumName } from "./enum-name.ts";
import { imagesOf } from "./job-script.ts";
import type { Script } from "./script.ts";

/** A job with all that its end may depend on. */
export interface Surroundings {
  readonly job: Job;
  readonly script: Script;
  readonly below: readonly Job[];
  readonly parent: Job | undefined;
  /** All below its parent, itself too. */
  readonly siblings: readonly Job[];
  readonly queues: readonly Queue[];
}

/**
 * Why the job may not have ended as it did; undefined when it may. These are the rules of chains once more, written from their
 * specification and from what can be seen from outside, one job at a time: if each job is right by its neighbours, all are.
 */
export function endProblem(around: Surroundings): string | undefined {
  const { job } = around;
  switch (job.state) {
    case JobState.COMPLETED:
      return turnProblem(around) ?? completedProblem(around);
    case JobState.DEAD:
      return turnProblem(around) ?? deadProblem(around);
    case JobState.CANCELLED:
      return cancelledProblem(around);
    default:
      return undefined; // stuck, which is counted elsewhere
  }
}

function completedProblem({ job, script, below, siblings }: Surroundings): string | undefined {
  if (script.does === "fail" || script.does === "discard") return `its handler always answers ${script.does}`;
  const bad = notOkBelow(below);
  if (bad !== undefined) return `${bad.id} below it is ${enumName(JobState, bad.state)} ${bad.reason}`;
  if (job.role !== JobRole.HEIR || script.type !== "page") return undefined;
  const images = siblings.filter((each) => each.type === "shop.v1.ResizeImage" && each.state === JobState.COMPLETED);
  const read = imagesOf(job);
  return read === images.length ? undefined : `it read ${read} results of its siblings, there are ${images.length}`;
}

function deadProblem({ job, script, below, queues }: Surroundings): string | undefined {
  switch (job.reason) {
    case "ATTEMPTS_EXHAUSTED": {
      const queue = queues.find((each) => each.name === job.queue);
      const max = job.maxAttempts ?? queue?.settings?.maxAttempts;
      if (script.does !== "fail") return `its handler fails ${script.failures} times and then answers ${script.does}`;
      return job.failureCount === max ? undefined : `${job.failureCount} failures, and ${max} attempts may fail`;
    }
    case "DISCARDED":
      return script.does === "discard" ? undefined : `its handler answers ${script.does}`;
    case "CHAIN_FAILED":
      return notOkBelow(below) === undefined ? "nothing below it ended badly" : undefined;
    default:
      return "no job of this proof may die of that";
  }
}

function cancelledProblem({ job, parent, siblings }: Surroundings): string | undefined {
  const failed = anyChildNotOk(siblings);
  switch (job.reason) {
    case "SIBLING_FAILED": {
      const by = siblings.some(
        (each) => each.policy === FailurePolicy.FAIL_FAST && isBad(each) && each.reason !== "SIBLING_FAILED",
      );
      return by && job.role === JobRole.CHILD ? undefined : "no FAIL_FAST sibling failed";
    }
    case "PARENT_FAILED": {
      const died = parent?.state === JobState.DEAD && !hasSucceeded(parent);
      return died || parent?.reason === "PARENT_FAILED" ? undefined : "its parent's own run did not die";
    }
    case "PARENT_CANCELLED":
      return parent?.state === JobState.CANCELLED ? undefined : "its parent was not cancelled";
    case "DEPENDENCY_FAILED":
      return job.trigger === Trigger.SUCCEEDED && job.role === JobRole.HEIR && failed ? undefined : "its trigger held";
    case "TRIGGER_NOT_MET":
      return job.trigger === Trigger.ANY_FAILED && job.role === JobRole.HEIR && !failed
        ? undefined
        : "its trigger held";
    default:
      return "nobody cancels in this proof";
  }
}

/** Why a job that ran may not have run. */
function turnProblem({ job, parent, siblings }: Surroundings): string | undefined {
  if (parent === undefined) return undefined;
  if (parent.type !== "conveyor.v1.Group" && !hasSucceeded(parent))
    return "it ran, and its parent's own run never succeeded";
  if (job.role !== JobRole.HEIR) return undefined;
  const failed = anyChildNotOk(siblings);
  const unwanted = (job.trigger === Trigger.SUCCEEDED && failed) || (job.trigger === Trigger.ANY_FAILED && !failed);
  return unwanted ? `it ran, and its trigger ${enumName(Trigger, job.trigger)} did not hold` : undefined;
}

function hasSucceeded(job: Job): boolean {
  return job.attempts.some((attempt) => attempt.outcome === AttemptOutcome.SUCCEEDED);
}

function isBad(job: Job): boolean {
  return job.state === JobState.DEAD || job.state === JobState.CANCELLED;
}

function anyChildNotOk(siblings: readonly Job[]): boolean {
  return siblings.some((each) => each.role === JobRole.CHILD && isBad(each) && each.policy !== FailurePolicy.IGNORE);
}

/** What makes the job above CHAIN_FAILED: skipped and cancelled heirs are neutral. */
function notOkBelow(below: readonly Job[]): Job | undefined {
  return below.find((each) => {
    if (each.policy === FailurePolicy.IGNORE) return false;
    return each.role === JobRole.CHILD ? isBad(each) : each.state === JobState.DEAD;
  });
}
