import { createHash } from "node:crypto";
import { isTerminal, type Retention, rememberedMs, type TypedBytes } from "../../core/job.ts";
import type { JobId } from "../../core/names.ts";
import { retentionMs } from "../../core/precedence.ts";
import type { RemoveAnswer } from "../change.ts";
import type { UpkeepAnswer } from "../effects.ts";
import type { JobRow } from "./row.ts";
import { effectsOf, type Write } from "./write.ts";

/** Removes chains by their roots, at most `max` rows in all; a chain that is not gone then is marked for `prune`. */
export function removeChains(write: Write, roots: readonly JobId[], max: number): readonly RemoveAnswer[] {
  let left = max;
  return roots.map((id) => {
    const answer = removeChain(write, id, left);
    if (answer.kind === "removed") left -= answer.count;
    return answer;
  });
}

function removeChain(write: Write, id: JobId, max: number): RemoveAnswer {
  const root = write.tables.job(id);
  if (root === undefined || write.tables.isGoing(root)) return { kind: "missing" };
  if (root.parentId !== undefined) return { kind: "below", rootId: root.rootId };
  if (!isTerminal(root.state)) return { kind: "open", state: root.state };
  const count = removeRows(write, root, max);
  return { kind: "removed", count, more: write.tables.job(id) !== undefined };
}

/** The newest rows first, the root last: what is left is a whole chain down to some place. Answers how many went. */
function removeRows(write: Write, root: JobRow, max: number): number {
  const { tables } = write;
  const newestFirst = tables.chain(root.id).toReversed().slice(0, max);
  for (const id of newestFirst) tables.deleteJob(id);
  const left = tables.job(root.id);
  if (left === undefined) remember(write, root);
  else if (!left.pruning) tables.putJob({ ...left, pruning: true });
  return newestFirst.length;
}

function remember(write: Write, root: JobRow): void {
  const digest = digestOf({ type: root.type, bytes: root.payload });
  const { id, requestId, type } = root;
  write.tables.memories.put({ id, requestId, type, digest, until: write.now + rememberedMs });
}

/** What tells payloads apart once they are gone. */
export function digestOf(payload: TypedBytes): string {
  return createHash("sha256").update(payload.bytes).digest("hex");
}

/** Goes on with chains that are being removed, then takes those whose retention is over; then forgets old memories. */
export function prune(write: Write, options: { readonly max: number; readonly retention: Retention }): UpkeepAnswer {
  const { max, retention } = options;
  const { tables, now } = write;
  let count = 0;
  for (const root of [...tables.pruning.head(), ...dueRoots(write, retention, max)]) {
    if (count < max) count += removeRows(write, root, max - count);
  }
  for (const id of tables.memories.over(now, max)) tables.memories.forget(id);
  const more = tables.pruning.size > 0 || dueRoots(write, retention, 1).length > 0;
  return { count, more, effects: effectsOf(write) };
}

/** The first ended roots whose retention is over, at most `max` of each queue and state; none whose removal has begun. */
function dueRoots(write: Write, retention: Retention, max: number): JobRow[] {
  const { tables, now } = write;
  const queues = tables.queues().sort((left, right) => (left.name < right.name ? -1 : 1));
  return queues.flatMap(({ name, settings }) =>
    (["COMPLETED", "DEAD", "CANCELLED"] as const).flatMap((state) => {
      const keptMs = retentionMs(state, settings, retention);
      const oldest = tables.endedRoots(name, state, max + tables.pruning.size);
      return oldest.filter((root) => !root.pruning && endOf(root) + keptMs <= now);
    }),
  );
}

function endOf(root: JobRow): number {
  return root.finishedAt ?? Number.POSITIVE_INFINITY;
}
