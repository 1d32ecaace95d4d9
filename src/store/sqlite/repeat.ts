import type { NewJob, NewTree } from "../../core/job.ts";
import type { JobId } from "../../core/names.ts";
import type { InsertAnswer } from "../store.ts";
import type { Step } from "./step.ts";

type Refused = Extract<InsertAnswer, { kind: "refused" }>;

/** The job that has the id or the request id of a new one, with what tells a repeat from a reuse. */
export interface Holder {
  readonly id: JobId;
  readonly by: "id" | "request";
  readonly type: string;
  readonly bytes: Uint8Array;
}

type HolderRow = readonly [id: JobId, lane: number, bytes: Uint8Array];

const selectHolder = (where: string): string =>
  `SELECT job.id, job.lane, payload.bytes FROM job JOIN payload ON payload.seq = job.seq WHERE ${where}`;
const selectById = selectHolder("job.id = ''||?");
const selectByRequest = selectHolder("job.request_id = ''||?");
const selectId = "SELECT 1 FROM job WHERE id = ?";

/** Who holds the new job's id, else its request id; undefined: both are free. */
export function holderOf(step: Step, job: NewJob): Holder | undefined {
  const byId = step.sql.tuple<HolderRow>(selectById, job.id);
  if (byId !== undefined) return holder(step, byId, "id");
  const byRequest = job.requestId === undefined ? undefined : step.sql.tuple<HolderRow>(selectByRequest, job.requestId);
  return byRequest === undefined ? undefined : holder(step, byRequest, "request");
}

/** A repeat is welcome; the same name for something else is refused with this code. */
export function refusalBy(holder: Holder, job: NewJob): Refused["code"] | undefined {
  const { type, bytes } = job.payload;
  if (holder.type === type && Buffer.compare(holder.bytes, bytes) === 0) return undefined;
  return holder.by === "id" ? "JOB_ID_EXISTS" : "REQUEST_ID_REUSED";
}

/**
 * Per tree, before any of them is inserted, the job that it repeats (a stored one, or one of an earlier tree), or undefined
 * when it is new; or what stands in the way of inserting them together.
 */
export function findRepeats(step: Step, trees: readonly NewTree[]): Refused | readonly (JobId | undefined)[] {
  const ids = new Map<string, NewJob>();
  const requests = new Map<string, NewJob>();
  const repeated: (JobId | undefined)[] = [];
  for (const [index, { root, nodes }] of trees.entries()) {
    const known =
      broughtBy(ids.get(root.id), "id") ?? holderOf(step, root) ?? broughtBy(requestOf(requests, root), "request");
    const code = known === undefined ? undefined : refusalBy(known, root);
    if (known !== undefined && code !== undefined) return { kind: "refused", index, code, id: known.id };
    repeated.push(known?.id);
    if (known !== undefined) continue;
    ids.set(root.id, root);
    if (root.requestId !== undefined) requests.set(root.requestId, root);
    for (const { job } of nodes) {
      if (ids.has(job.id) || step.sql.tuple(selectId, job.id) !== undefined) {
        return { kind: "refused", index, code: "JOB_ID_EXISTS", id: job.id };
      }
      ids.set(job.id, job);
    }
  }
  return repeated;
}

function requestOf(requests: ReadonlyMap<string, NewJob>, root: NewJob): NewJob | undefined {
  return root.requestId === undefined ? undefined : requests.get(root.requestId);
}

function broughtBy(job: NewJob | undefined, by: Holder["by"]): Holder | undefined {
  return job === undefined ? undefined : { id: job.id, by, type: job.payload.type, bytes: job.payload.bytes };
}

function holder(step: Step, [id, lane, bytes]: HolderRow, by: Holder["by"]): Holder {
  return { id, by, type: step.mirror.lane(lane).type, bytes };
}
