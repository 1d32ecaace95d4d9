import type { NewJob, NewNode, Start } from "../../core/job.ts";
import { Policy, Role, TriggerCode } from "../codes.ts";
import type { LaneTable } from "./lane-table.ts";
import { type Packable, pack, packAll } from "./msgpack.ts";
import { packBackoff } from "./queue-settings.ts";

/** A root as `lua/new-job.lua` takes it. */
export function packRoot(job: NewJob, lanes: LaneTable): readonly Packable[] {
  const spec = packAll([specOf(job, ""), [metadataText(job.metadata ?? {})]]);
  return packJob(job, { lanes, spec, priority: job.priority ?? 0 });
}

/** A node, which may take its priority and metadata from its parent; `parentIndex` 0 is the root. */
export function packNode({ edge, job }: NewNode, lanes: LaneTable, parentIndex = 0): readonly Packable[] {
  return [
    ...packJob(job, { lanes, spec: pack(specOf(job, edge.key)), priority: job.priority ?? false }),
    job.metadata === undefined ? false : metadataText(job.metadata),
    Role[edge.role],
    Policy[edge.policy],
    TriggerCode[edge.trigger],
    edge.asResult ? 1 : 0,
    edge.key,
    parentIndex,
  ];
}

function packJob(
  job: NewJob,
  by: { readonly lanes: LaneTable; readonly spec: Buffer; readonly priority: number | false },
): readonly Packable[] {
  return [
    job.id,
    by.lanes.indexOf(job.queue, job.payload.type),
    packStart(job.start),
    by.priority,
    packOptions(job),
    job.payload.bytes.length,
    by.spec,
    job.requestId ?? "",
  ];
}

/** What never changes of a job; where it stands in its chain follows it in the store. */
function specOf(job: NewJob, key: string): Packable {
  return [job.payload.bytes, job.schemaId, job.principal, job.requestId ?? "", key];
}

function packOptions({ maxAttempts, timeoutMs, backoff }: NewJob): Packable {
  if (maxAttempts === undefined && timeoutMs === undefined && backoff === undefined) return false;
  return [maxAttempts ?? false, timeoutMs ?? false, backoff === undefined ? false : packBackoff(backoff)];
}

/** 0: now, above: at this time, below: so long after. */
function packStart(start: Start): number {
  switch (start.kind) {
    case "now":
      return 0;
    case "at":
      return Math.max(0, start.timeMs);
    case "after":
      return 0 - start.delayMs;
    default:
      return start satisfies never;
  }
}

function metadataText(metadata: Readonly<Record<string, string>>): string {
  const text = JSON.stringify(metadata);
  return text === "{}" ? "" : text;
}
