import { isTerminal } from "../core/job.ts";
import { limits } from "../core/limits.ts";
import { countersHold } from "./counter-invariants.ts";
import type { DumpedJob } from "./dump.ts";
import {
  belowOf,
  childNotOk,
  hasBelow,
  isWhole,
  notOkChildren,
  parentOf,
  type View,
  wasReleased,
  wasReleasedThisEpoch,
} from "./dump-view.ts";
import { barrierHolds, heirIsDue, isBelowNoRun } from "./heir-invariants.ts";

/** One invariant of single jobs: where its premise is true (`applies`), it must hold. */
export interface JobRule {
  readonly name: string;
  readonly applies: (job: DumpedJob, view: View) => boolean;
  readonly holds: (job: DumpedJob, view: View) => boolean;
}

/** The invariants that one job with its neighbours can show, by their number in the specification. */
export const jobRules: readonly JobRule[] = [
  {
    name: "I5 a released heir was due: run accepted, children terminal, trigger true",
    // What ended before its parent was revived keeps its end; that it was due then was seen when it was released (step invariants).
    applies: (job, view) =>
      job.role === "HEIR" &&
      wasReleasedThisEpoch(job) &&
      isWhole(job, view) &&
      (parentOf(job, view)?.epoch === 0 || !isTerminal(job.state)),
    holds: heirIsDue,
  },
  {
    name: "I5 an heir that was not wanted has the reason of its trigger",
    applies: (job, view) =>
      (job.reason === "DEPENDENCY_FAILED" || job.reason === "TRIGGER_NOT_MET") &&
      isWhole(job, view) &&
      parentOf(job, view)?.reviving === undefined,
    holds: (job, view) => {
      const notOk = notOkChildren(parentOf(job, view), view) > 0;
      return job.trigger === "SUCCEEDED" ? notOk : job.trigger === "ANY_FAILED" && !notOk;
    },
  },
  {
    name: "I6 awaiting means: own run over and something below open",
    applies: (job) => job.run !== undefined || job.state === "AWAITING_CHILDREN",
    holds: (job) =>
      (job.state === "AWAITING_CHILDREN") === (job.run !== undefined && job.pendingChildren + job.pendingHeirs > 0) &&
      (job.state === "AWAITING_CHILDREN" || isTerminal(job.state)),
  },
  {
    name: "I6 a terminal job's edge is flipped or due, an open one's is neither",
    applies: (job) => job.role !== "ROOT",
    holds: (job) =>
      isTerminal(job.state) ? (job.edgeFlipped === true) !== job.propagateDue : !job.edgeFlipped && !job.propagateDue,
  },
  {
    name: "I6 counters equal the edges, open and ended badly, and what a revival has still to bring back",
    applies: (job, view) => (hasBelow(job, view) || job.staged > 0) && isWhole(job, view),
    holds: countersHold,
  },
  {
    name: "I6 below a terminal job all is terminal",
    applies: (job, view) => isTerminal(job.state) && hasBelow(job, view),
    holds: (job, view) => belowOf(job, view).every((node) => isTerminal(node.state)),
  },
  {
    name: "I6 the verdict follows from run and counters",
    applies: (job) => isTerminal(job.state),
    holds: verdictHolds,
  },
  {
    name: "I7 a child that could run has a parent whose run was accepted",
    applies: (job) => job.role === "CHILD" && wasReleased(job),
    holds: (job, view) => parentOf(job, view)?.run === "SUCCEEDED",
  },
  {
    name: "I7 below a run that died or was not wanted nothing ever ran",
    applies: isBelowNoRun,
    holds: (job) => !wasReleased(job),
  },
  {
    name: "I7 no child is held once its parent's run was accepted",
    applies: (job, view) => job.role === "CHILD" && parentOf(job, view)?.run === "SUCCEEDED",
    // Staged children come held into a chain that is being cancelled.
    holds: (job, view) => job.hold !== "PARENT" || isCancellingChildren(parentOf(job, view), view),
  },
  {
    name: "I7 the nodes of one parent are all there: positions without gaps",
    applies: hasBelow,
    holds: (job, view) => {
      const positions = belowOf(job, view).map((node) => node.position);
      return new Set(positions).size === positions.length && Math.max(...positions) === positions.length - 1;
    },
  },
  {
    name: "I9 the record is that of its state",
    applies: () => true,
    holds: shapeHolds,
  },
  {
    name: "I9 heirs are held exactly until their barrier is judged",
    applies: (job, view) => belowOf(job, view).some((node) => node.role === "HEIR"),
    holds: barrierHolds,
  },
  {
    name: "I9 a chain is a tree: root, depth, keys, heirs",
    applies: (job) => job.role !== "ROOT",
    holds: (job, view) => {
      const parent = parentOf(job, view);
      return parent !== undefined && parent.rootId === job.rootId && parent.depth + 1 === job.depth;
    },
  },
  {
    name: "I9 keys and heirs of one parent keep to the limits",
    applies: hasBelow,
    holds: (job, view) => {
      const nodes = belowOf(job, view);
      const keys = nodes.map((node) => node.key).filter((key) => key !== "");
      const heirs = nodes.filter((node) => node.role === "HEIR");
      const results = nodes.filter((node) => node.asResult);
      const few = heirs.length <= limits.heirsMax && results.length <= 1 && job.depth < limits.depthMax;
      return few && new Set(keys).size === keys.length;
    },
  },
  {
    name: "I10 running means: a session and a live lease",
    applies: (job) => job.state === "RUNNING" || job.leaseId !== undefined || job.sessionId !== undefined,
    holds: (job, view) => {
      const last = job.attempts.at(-1);
      const lease = job.leaseId !== undefined && job.sessionId !== undefined && view.sessions.has(job.sessionId);
      return job.state === "RUNNING" && lease && last?.outcome === undefined && last?.number === job.attempt;
    },
  },
  {
    name: "I11 nothing started before its run time",
    applies: (job) => job.state === "RUNNING",
    holds: (job) => (job.attempts.at(-1)?.claimedAt ?? 0) >= job.runAt,
  },
  {
    name: "I11 nothing is ready before its run time",
    applies: (job, view) => job.state === "READY" && view.options.now !== undefined,
    holds: (job, view) => view.options.now !== undefined && job.runAt <= view.options.now,
  },
  {
    name: "I13 every attempt is explained by a budget or by the end of the run",
    applies: (job) => job.attempt > 0 && job.epoch === 0,
    holds: attemptsExplained,
  },
  {
    name: "I13 the budgets count what history has of this epoch, releases that of all",
    applies: (job) => job.attemptsOmitted === 0 && job.attempts.at(-1)?.epoch === job.epoch,
    holds: budgetsFollow,
  },
  {
    name: "I13 no budget is exceeded",
    applies: (job) => job.failureCount + job.snoozeCount > 0,
    holds: (job) => job.failureCount <= (job.maxAttempts ?? limits.attemptsMax) && job.snoozeCount <= limits.snoozesMax,
  },
  {
    name: "I16 the payload has its size",
    applies: () => true,
    holds: (job) => job.payload.bytes.length === job.payloadBytes && job.payload.type === job.type,
  },
  {
    name: "results: an as_result heir that completed gave its result to its completed parent",
    applies: (job, view) => job.state === "COMPLETED" && resultHeir(job, view) !== undefined && isWhole(job, view),
    holds: (job, view) => {
      const given = resultHeir(job, view)?.result;
      return given === undefined ? job.result === undefined : sameBytes(given.bytes, job.result?.bytes);
    },
  },
  {
    name: "I17 after draining every job is terminal",
    applies: (_job, view) => view.options.drained === true,
    holds: (job) => isTerminal(job.state) && !job.propagateDue,
  },
];

/** Its cancelling, or that of its children by FAIL_FAST, is due. */
function isCancellingChildren(parent: DumpedJob | undefined, view: View): boolean {
  if (parent === undefined) return false;
  const fast = belowOf(parent, view).some(
    (node) => node.policy === "FAIL_FAST" && childNotOk(node) && node.reason !== "SIBLING_FAILED",
  );
  return parent.cancelRequested || fast;
}

function verdictHolds(job: DumpedJob): boolean {
  const notOk = job.childrenNotOk + job.heirsNotOk > 0;
  switch (job.state) {
    case "COMPLETED":
      return job.run === "SUCCEEDED" && !notOk;
    case "DEAD":
      return job.reason === "CHAIN_FAILED" ? job.run === "SUCCEEDED" && notOk : job.run === "DEAD";
    default:
      return job.run !== undefined && job.run !== "DEAD";
  }
}

function shapeHolds(job: DumpedJob): boolean {
  const terminal = isTerminal(job.state);
  return (
    (job.hold !== undefined) === (job.state === "HELD") &&
    (job.reason !== undefined) === (job.state === "DEAD" || job.state === "CANCELLED") &&
    (job.finishedAt !== undefined) === terminal &&
    (job.ranAt !== undefined) === (job.run !== undefined) &&
    (job.role === "ROOT") === (job.parentId === undefined) &&
    (job.edgeFlipped === undefined) === (job.role === "ROOT") &&
    (job.role !== "ROOT" || (job.rootId === job.id && job.depth === 0 && !job.propagateDue)) &&
    (job.errorFingerprint === undefined || job.run === "DEAD") &&
    job.createdAt <= job.updatedAt &&
    !(terminal && (job.cancelRequested || job.cancelHeirs || job.reviving !== undefined || job.staged > 0)) &&
    !(job.cancelHeirs && !job.cancelRequested && job.run !== "CANCELLED" && job.run !== "SKIPPED") &&
    (job.staged === 0 || job.state === "RUNNING" || job.run === "SUCCEEDED" || job.run === "SKIPPED") &&
    !(job.pruning && !(terminal && job.role === "ROOT"))
  );
}

function attemptsExplained(job: DumpedJob): boolean {
  const counted = job.failureCount + job.crashCount + job.snoozeCount + job.releaseCount;
  const rest = job.attempt - counted;
  if (job.state === "RUNNING") return rest === 1;
  const last = job.attempts.at(-1)?.outcome;
  const endedRun = last === "SUCCEEDED" || last === "DISCARDED" || last === "CANCELLED";
  return rest === (endedRun ? 1 : 0) && job.attempts.length + job.attemptsOmitted === job.attempt;
}

function budgetsFollow(job: DumpedJob): boolean {
  const count = (epoch: number | undefined, ...outcomes: readonly (string | undefined)[]): number =>
    job.attempts.filter((each) => outcomes.includes(each.outcome) && (epoch ?? each.epoch) === each.epoch).length;
  return (
    job.failureCount === count(job.epoch, "FAILED", "TIMED_OUT") &&
    job.crashCount === count(job.epoch, "CRASHED") &&
    job.snoozeCount === count(job.epoch, "SNOOZED") &&
    job.releaseCount === count(undefined, "RELEASED")
  );
}

function resultHeir(job: DumpedJob, view: View): DumpedJob | undefined {
  return belowOf(job, view).find((node) => node.asResult && node.state === "COMPLETED");
}

function sameBytes(left: Uint8Array, right: Uint8Array | undefined): boolean {
  return right !== undefined && left.length === right.length && left.every((byte, index) => byte === right[index]);
}
