import type { NewNode } from "../../core/job.ts";
import type { Gate } from "../gate.ts";

const enqueueMethod = "/conveyor.v1.JobService/Enqueue";

/** What a job declares is enqueued in the name of who runs it: ROLE_MISSING unless that one may. */
export function admitNodes(gate: Gate, principal: string, nodes: readonly NewNode[]): void {
  for (const { job } of nodes) {
    gate.admit({ principal, method: enqueueMethod, queue: job.queue, type: job.payload.type });
  }
}
