import { countsNotOk } from "../../core/chain.ts";
import { groupType, type JobId } from "../../core/names.ts";
import { blocksRevival, decideRetry, openAncestorRefusal } from "../../core/revive.ts";
import type { RetryAnswer, RetryItem } from "../change.ts";
import { settleFlips } from "./chain.ts";
import { pathTo, reopenPath } from "./revive.ts";
import type { JobRow } from "./row.ts";
import type { Tables } from "./tables.ts";
import { change, move, type Write } from "./write.ts";

/** Pulls a waiting job forward, or revives a dead one with the path above it. */
export function retryItem(write: Write, { id, expectedEpoch }: RetryItem): RetryAnswer {
  const row = write.tables.job(id);
  if (row === undefined || write.tables.isGoing(row)) return { kind: "missing" };
  const decision = decideRetry(row, expectedEpoch);
  switch (decision.kind) {
    case "unchanged":
      return { kind: "unchanged", state: row.state, epoch: row.epoch };
    case "refused":
      return refused(row, decision.why);
    case "pull":
      return retried(pullForward(write, row));
    case "revive": {
      const refusal = refusalAbove(write.tables, row) ?? refusalBelow(write.tables, row);
      if (refusal !== undefined) return refused(row, refusal.why, refusal.blocker);
      reopenPath(write, row);
      settleFlips(write);
      return retried(write.tables.mustJob(id));
    }
    default:
      return decision satisfies never;
  }
}

type Refused = Extract<RetryAnswer, { kind: "refused" }>;

function refused(row: JobRow, why: Refused["why"], blocker?: JobId): Refused {
  return { kind: "refused", why, state: row.state, blocker };
}

function retried(row: JobRow): RetryAnswer {
  return { kind: "retried", state: row.state, epoch: row.epoch };
}

/** A group has no run of its own to be claimed: `promote` runs it. */
function pullForward(write: Write, row: JobRow): JobRow {
  if (row.type !== groupType) return move(write, row, "retry", { state: "READY" }, { runAt: write.now });
  write.dueAt = Math.min(write.dueAt ?? write.now, write.now);
  return change(write, row, { runAt: write.now });
}

type Refusal = Pick<Refused, "why" | "blocker">;

function refusalAbove(tables: Tables, row: JobRow): Refusal | undefined {
  for (let at = row; at.parentId !== undefined; ) {
    const ancestor = tables.job(at.parentId);
    if (ancestor === undefined) return { why: "ANCESTOR", blocker: undefined };
    if (blocksRevival(ancestor)) return { why: "ANCESTOR", blocker: ancestor.id };
    at = ancestor;
  }
  const { open, path } = pathTo(tables, row);
  if (open === undefined) return undefined;
  const siblings = tables.below(open.id).filter((node) => node.id !== path[0]?.id);
  const why = openAncestorRefusal({ ...open, reviving: open.reviving?.scope }, siblings);
  return why === undefined ? undefined : { why, blocker: open.id };
}

/** A chain that failed by cancelled jobs alone has nothing to retry. */
function refusalBelow(tables: Tables, row: JobRow): Refusal | undefined {
  if (row.run === "DEAD" || hasDeadRun(tables, row)) return undefined;
  return { why: "NOTHING_DEAD", blocker: cancelledBelow(tables, row) };
}

/** Whether a dead run is reached through dead jobs. */
function hasDeadRun(tables: Tables, top: JobRow): boolean {
  const open = [top];
  for (let at = open.pop(); at !== undefined; at = open.pop()) {
    for (const node of tables.below(at.id)) {
      if (node.state !== "DEAD") continue;
      if (node.run === "DEAD") return true;
      open.push(node);
    }
  }
  return false;
}

function cancelledBelow(tables: Tables, top: JobRow): JobId | undefined {
  for (let at: JobRow | undefined = top; at !== undefined; ) {
    const bad: JobRow | undefined = tables.below(at.id).find(countsNotOk);
    if (bad?.state === "CANCELLED") return bad.id;
    at = bad;
  }
  return undefined;
}
