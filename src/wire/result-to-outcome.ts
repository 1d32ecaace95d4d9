import type { JobError as WireJobError } from "../../gen/conveyor/v1/job_pb.ts";
import type { Failure, Result, Success } from "../../gen/conveyor/v1/worker_service_pb.ts";
import { cutError, cutText } from "../core/error-text.ts";
import { type ErrorCode, isConveyorError } from "../core/errors.ts";
import type { JobError, Outcome, OutcomeKind } from "../core/job.ts";
import { limits } from "../core/limits.ts";
import type { LeaseId, TypeName } from "../core/names.ts";
import { invalidField } from "./invalid-field.ts";
import { leaseIdFromWire } from "./lease-id.ts";
import { declarationsToNodes, type NodeContext } from "./nodes.ts";
import { anyToTypedBytes } from "./payload.ts";
import { checkedDurationMs, durationToMs } from "./time.ts";

/** An ended attempt as a store takes it. */
export interface EndedAttempt {
  readonly leaseId: LeaseId;
  /** What the worker sent; `outcome` is a failure beside it when that cannot be stored. */
  readonly sent: OutcomeKind;
  readonly outcome: Outcome;
  /** Why it cannot be stored. */
  readonly problem: ErrorCode | undefined;
}

/**
 * Reads one result. A success or snooze that cannot be stored (a bad declaration, a result too large or of another type, a delay
 * out of range) becomes a failure with its `problem`. Only a result that no lease can be told by throws: FRAME_INVALID or
 * INVALID_NAME. `jobType` is the type of the lease's job, undefined when the lease is not known here.
 */
export function resultToOutcome(result: Result, jobType: TypeName | undefined, context: NodeContext): EndedAttempt {
  const leaseId = leaseIdFromWire(result.leaseId, `${context.path}.lease_id`);
  const { outcome } = result;
  switch (outcome.case) {
    case "success":
      return storable(leaseId, "success", () => successOf(outcome.value, jobType, context));
    case "failure":
      return asSent(leaseId, failureOf(outcome.value));
    case "discard":
      return asSent(leaseId, { kind: "discard", error: jobErrorFromWire(outcome.value.error) });
    case "snooze":
      return storable(leaseId, "snooze", () => {
        const path = `${context.path}.snooze.delay`;
        const { delay } = outcome.value;
        if (delay === undefined) throw invalidField("INVALID_OPTION", path, "it must be set");
        return { kind: "snooze", delayMs: checkedDurationMs(delay, { path, msMax: limits.delayMsMax }) };
      });
    case "release":
      return asSent(leaseId, release);
    case "cancel":
      return asSent(leaseId, { kind: "cancel", message: cutText(outcome.value.message, limits.errorMessageBytesMax) });
    case undefined:
      throw invalidField("FRAME_INVALID", `${context.path}.outcome`, "a result says how the attempt ended");
    default:
      return outcome satisfies never;
  }
}

/** A failure cut to what is kept; a name is always there. */
function jobErrorFromWire(error: WireJobError | undefined): JobError {
  const { name = "", message = "", stack = "" } = error ?? {};
  return cutError({ name: name === "" ? "Error" : name, message, stack });
}

export function jobErrorToWire(error: JobError): WireJobError {
  return { $typeName: "conveyor.v1.JobError", name: error.name, message: error.message, stack: error.stack };
}

const release: Outcome = { kind: "release" };

function asSent(leaseId: LeaseId, outcome: Outcome): EndedAttempt {
  return { leaseId, sent: outcome.kind, outcome, problem: undefined };
}

function storable(leaseId: LeaseId, sent: OutcomeKind, read: () => Outcome): EndedAttempt {
  try {
    return { leaseId, sent, outcome: read(), problem: undefined };
  } catch (error) {
    if (!isConveyorError(error)) throw error;
    const recorded = cutError({ name: error.code, message: error.message, stack: "" });
    return { leaseId, sent, outcome: { kind: "failure", error: recorded, timedOut: false }, problem: error.code };
  }
}

function successOf(success: Success, jobType: TypeName | undefined, context: NodeContext): Outcome {
  const path = `${context.path}.success`;
  const result = success.result && anyToTypedBytes(success.result, `${path}.result`, limits.resultBytesMax);
  if (result && jobType !== undefined) checkResultType(result.type, jobType, { ...context, path: `${path}.result` });
  if (result) context.checkPayload?.(result);
  const nodes = declarationsToNodes(success.declarations, jobType, { ...context, path: `${path}.declarations` });
  const { staged } = success;
  const child = staged === 0 ? -1 : nodes.findIndex(({ edge }) => edge.role === "CHILD");
  if (child >= 0) {
    const problem = "once children were staged, all of them are; the result declares heirs only";
    throw invalidField("TREE_INVALID", `${path}.declarations[${child}]`, problem);
  }
  return { kind: "success", result, nodes, ...(staged > 0 && { staged }) };
}

function checkResultType(type: TypeName, jobType: TypeName, context: NodeContext): void {
  const known = context.typeOptions(jobType);
  if (known === undefined || known.result === type) return;
  const expected = known.result === undefined ? "has no result" : `has the result ${known.result}`;
  throw invalidField("RESULT_TYPE_MISMATCH", context.path, `${jobType} ${expected}, got ${type}`);
}

/** The wait that a handler asks for never spoils its failure: what is out of range is left to the policy. */
function failureOf(failure: Failure): Outcome {
  const asked = failure.retryAfter && durationToMs(failure.retryAfter);
  const usable = asked !== undefined && asked > 0 && asked <= limits.backoffMsMax;
  return {
    kind: "failure",
    error: jobErrorFromWire(failure.error),
    retryAfterMs: usable ? asked : undefined,
    timedOut: failure.timedOut,
  };
}
