import type { NewJob, NewTree } from "../../core/job.ts";
import type { JobId } from "../../core/names.ts";
import type { InsertAnswer } from "../commit.ts";
import { isRepeatOf, type Memory, rememberedById, rememberedByRequest } from "./remembered.ts";
import type { Step } from "./step.ts";

type Refused = Extract<InsertAnswer, { kind: "refused" }>;

/** The job that has the id or the request id of a new one, with what tells a repeat from a reuse. */
export interface Holder {
  readonly id: JobId;
  readonly by: "id" | "request";
  /** Of the same type and payload. */
  readonly isSame: boolean;
}

type HolderRow = readonly [id: JobId, lane: number, bytes: Uint8Array];

const selectHolder = (where: string): string =>
  `SELECT job.id, job.lane, payload.bytes FROM job JOIN payload ON payload.seq = job.seq WHERE ${where}`;
const selectById = selectHolder("job.id = ''||?");
const selectByRequest = selectHolder("job.request_id = ''||?");
const selectId = "SELECT 1 FROM job WHERE id = ?";

/** Who has the new job's id, else its request id, or had it and was removed lately; undefined: both are free. */
export function holderOf(step: Step, job: NewJob): Holder | undefined {
  return holderOfId(step, job) ?? holderOfRequest(step, job);
}

function holderOfId(step: Step, job: NewJob): Holder | undefined {
  const row = step.sql.tuple<HolderRow>(selectById, job.id);
  return row === undefined ? remembered(rememberedById(step, job), job, "id") : holder(step, row, { job, by: "id" });
}

function holderOfRequest(step: Step, job: NewJob): Holder | undefined {
  const row = job.requestId === undefined ? undefined : step.sql.tuple<HolderRow>(selectByRequest, job.requestId);
  if (row !== undefined) return holder(step, row, { job, by: "request" });
  return remembered(rememberedByRequest(step, job), job, "request");
}

/** A repeat is welcome; the same name for something else is refused with this code. */
export function refusalBy(holder: Holder): Refused["code"] | undefined {
  if (holder.isSame) return undefined;
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
      broughtBy(ids.get(root.id), root, "id") ??
      holderOfId(step, root) ??
      broughtBy(requestOf(requests, root), root, "request") ??
      holderOfRequest(step, root);
    const code = known === undefined ? undefined : refusalBy(known);
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

function broughtBy(first: NewJob | undefined, job: NewJob, by: Holder["by"]): Holder | undefined {
  return first === undefined ? undefined : { id: first.id, by, isSame: isSame(first.payload, job.payload) };
}

function holder(step: Step, row: HolderRow, to: { readonly job: NewJob; readonly by: Holder["by"] }): Holder {
  const [id, lane, bytes] = row;
  const { type } = step.mirror.lane(lane);
  return { id, by: to.by, isSame: isSame({ type, bytes }, to.job.payload) };
}

function remembered(memory: Memory | undefined, job: NewJob, by: Holder["by"]): Holder | undefined {
  return memory === undefined ? undefined : { id: memory.id, by, isSame: isRepeatOf(memory, job) };
}

function isSame(left: NewJob["payload"], right: NewJob["payload"]): boolean {
  return left.type === right.type && Buffer.compare(left.bytes, right.bytes) === 0;
}
