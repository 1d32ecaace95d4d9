import type { CancelAnswer, CancelItem } from "../change.ts";
import { cancelJob, settleFlips } from "./chain.ts";
import type { Write } from "./write.ts";

/** Cancels one job by request, with what its end means to its parent; what is below it follows in steps. */
export function cancelItem(write: Write, { id, includeHeirs }: CancelItem): CancelAnswer {
  const row = write.tables.job(id);
  if (row === undefined || write.tables.isGoing(row)) return { kind: "missing" };
  const cancelled = cancelJob(write, row, { reason: "REQUESTED", parentMode: "RUN", includeHeirs });
  settleFlips(write);
  return { kind: "cancelled", state: write.tables.mustJob(id).state, changed: cancelled !== row };
}
