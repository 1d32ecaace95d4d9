import type { Stage, StageAck } from "../../gen/conveyor/v1/worker_service_pb.ts";
import { recordedError, type StorabilityProblem } from "../core/error-text.ts";
import { ConveyorError } from "../core/errors.ts";
import type { NewNode } from "../core/job.ts";
import { limits } from "../core/limits.ts";
import type { LeaseId, TypeName } from "../core/names.ts";
import { roleFromWire } from "./enums.ts";
import { toRpcStatus } from "./error-status.ts";
import { invalidField } from "./invalid-field.ts";
import { leaseIdFromWire } from "./lease-id.ts";
import { declarationsToNodes, type NodeContext } from "./nodes.ts";

/** Which frame of which lease. */
export interface StagePlace {
  readonly leaseId: LeaseId;
  /** From 1. */
  readonly seq: number;
}

/** What became of a frame; a store's answer is one. */
export type StagedAnswer =
  | { readonly kind: "staged"; readonly total: number }
  | { readonly kind: "gap"; readonly expected: number }
  | { readonly kind: "refused"; readonly problem: StorabilityProblem }
  | { readonly kind: "lost" };

/** Where a frame belongs. FRAME_INVALID or INVALID_NAME: it can belong nowhere, or is larger than any may be. */
export function stagePlace(stage: Stage, path: string): StagePlace {
  const { seq, children } = stage;
  const leaseId = leaseIdFromWire(stage.leaseId, `${path}.lease_id`);
  if (seq < 1n || seq > BigInt(Number.MAX_SAFE_INTEGER)) {
    throw invalidField("FRAME_INVALID", `${path}.seq`, `it counts up from 1, got ${seq}`);
  }
  if (children.length === 0 || children.length > limits.declarationsMax) {
    const problem = `it must be 1 to ${limits.declarationsMax}, got ${children.length}`;
    throw invalidField("FRAME_INVALID", `${path}.children`, problem);
  }
  return { leaseId, seq: Number(seq) };
}

/**
 * The children of a frame, checked as those of a result are; FRAME_INVALID when one of them is no child. `parent` is the type of
 * the lease's job, undefined when it is not known.
 */
export function stagedNodes(stage: Stage, parent: TypeName | undefined, context: NodeContext): readonly NewNode[] {
  const path = `${context.path}.children`;
  for (const [index, { role }] of stage.children.entries()) {
    if (roleFromWire(role, `${path}[${index}].role`) === "CHILD") continue;
    throw invalidField(
      "FRAME_INVALID",
      `${path}[${index}].role`,
      "only children are staged; heirs come with the result",
    );
  }
  return declarationsToNodes(stage.children, parent, { ...context, path });
}

/** Children staged so far; what became of the frame otherwise is thrown. */
export function stagedTotal(place: StagePlace, answer: StagedAnswer): number {
  switch (answer.kind) {
    case "staged":
      return answer.total;
    case "refused":
      throw new ConveyorError(answer.problem, `the children were not staged: ${recordedError(answer.problem).message}`);
    case "gap":
      throw new ConveyorError(
        "FRAME_OUT_OF_ORDER",
        `the next frame of this lease is number ${answer.expected}, got number ${place.seq}`,
      );
    case "lost":
      throw new ConveyorError("LEASE_LOST", "the lease is not live any more; nothing was staged", {
        details: { resource: { type: "lease", name: place.leaseId } },
      });
    default:
      return answer satisfies never;
  }
}

/** The acknowledgement of a frame that is kept. */
export function stageAck({ leaseId, seq }: StagePlace, staged: number): StageAck {
  return { $typeName: "conveyor.v1.StageAck", leaseId, seq: BigInt(seq), staged };
}

/** The acknowledgement of a frame that was refused. */
export function stageRefusal(place: StagePlace, error: ConveyorError): StageAck {
  return { ...stageAck(place, 0), error: toRpcStatus(error) };
}
