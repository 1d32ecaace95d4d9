import { type ChainNode, JobService } from "../../gen/conveyor/v1/job_service_pb.ts";
import type { JobRole, JobState, Trigger } from "../core/job.ts";
import { roleFromWire, stateFromWire, triggerFromWire } from "../wire/enums.ts";
import type { Calls } from "./calls.ts";
import { countsOf, type StateCounts } from "./queue-info.ts";

/** One job of a chain, or several leaves that are alike. */
export interface ChainNodeInfo {
  /** Of collapsed leaves, the first one's. */
  readonly id: string;
  readonly parentId: string | undefined;
  /** How many jobs this stands for. */
  readonly count: number;
  readonly type: string;
  readonly state: JobState;
  readonly role: JobRole;
  readonly reason: string | undefined;
  readonly trigger: Trigger | undefined;
  readonly key: string;
  /** Edges below the job that was asked for. */
  readonly depth: number;
  readonly pendingChildren: number;
  readonly pendingHeirs: number;
}

/** A job with all below it, leaves with the same parent, role, type and state as one node. */
export interface ChainInfo {
  readonly rootId: string;
  /** A parent stands before what is below it. */
  readonly nodes: readonly ChainNodeInfo[];
  /** All jobs at and below the one that was asked for. */
  readonly totals: StateCounts;
}

/** Reads every page. JOB_NOT_FOUND. */
export async function readChain(
  calls: Calls,
  id: string,
  options: { readonly depthMax?: number | undefined; readonly signal?: AbortSignal | undefined },
): Promise<ChainInfo> {
  const nodes: ChainNodeInfo[] = [];
  const depth = options.depthMax === undefined ? {} : { depthMax: options.depthMax };
  let totals: StateCounts = {};
  for (let pageToken = ""; ; ) {
    const page = await calls.call(JobService.method.getChain, { id, ...depth, pageToken }, { signal: options.signal });
    if (pageToken === "") totals = countsOf(page.totals);
    nodes.push(...page.nodes.map(nodeOf));
    pageToken = page.nextPageToken;
    if (pageToken === "") return { rootId: page.rootId, nodes, totals };
  }
}

function nodeOf(node: ChainNode): ChainNodeInfo {
  return {
    id: node.id,
    parentId: node.parentId || undefined,
    count: node.count,
    type: node.type,
    state: stateFromWire(node.state, "state") ?? "READY",
    role: roleFromWire(node.role, "role") ?? "ROOT",
    reason: node.reason || undefined,
    trigger: triggerFromWire(node.trigger, "trigger"),
    key: node.key,
    depth: node.depth,
    pendingChildren: node.pendingChildren,
    pendingHeirs: node.pendingHeirs,
  };
}
