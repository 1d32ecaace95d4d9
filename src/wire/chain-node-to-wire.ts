import type { ChainNode, StateCount } from "../../gen/conveyor/v1/job_service_pb.ts";
import type { EndReason, JobRole, JobState, Trigger } from "../core/job.ts";
import { roleToWire, stateToWire, triggerToWire } from "./enums.ts";

/** A node of a chain, or leaves that are alike; a store's record is one. */
export interface NodeOfChain {
  readonly id: string;
  readonly parentId: string | undefined;
  readonly count: number;
  readonly type: string;
  readonly state: JobState;
  readonly role: JobRole;
  readonly trigger: Trigger;
  readonly reason: EndReason | undefined;
  readonly key: string;
  readonly depth: number;
  readonly pendingChildren: number;
  readonly pendingHeirs: number;
}

export function chainNodeToWire(node: NodeOfChain): ChainNode {
  return {
    $typeName: "conveyor.v1.ChainNode",
    parentId: node.parentId ?? "",
    count: node.count,
    id: node.id,
    type: node.type,
    state: stateToWire[node.state],
    role: roleToWire[node.role],
    reason: node.reason ?? "",
    trigger: triggerToWire[node.trigger],
    key: node.key,
    depth: node.depth,
    pendingChildren: node.pendingChildren,
    pendingHeirs: node.pendingHeirs,
  };
}

export function stateCountToWire(state: JobState, count: number): StateCount {
  return { $typeName: "conveyor.v1.StateCount", state: stateToWire[state], count: BigInt(count) };
}
