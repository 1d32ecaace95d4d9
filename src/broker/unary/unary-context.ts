import type { CancelRequest } from "../../../gen/conveyor/v1/worker_service_pb.ts";
import type { EndReason } from "../../core/job.ts";
import type { LeaseId } from "../../core/names.ts";
import type { Effects } from "../../store/effects.ts";
import type { Store } from "../../store/store.ts";
import { msToDuration } from "../../wire/time.ts";
import type { SessionContext } from "../sessions/session-context.ts";
import type { UnarySession, UnarySessions } from "./unary-session.ts";

/** What the calls of unary workers work with. */
export interface UnaryContext extends Omit<SessionContext, "store"> {
  readonly store: Store;
  readonly sessions: UnarySessions;
  readonly onEffects: (effects: Effects) => void;
  /** The broker is about to stop: nothing more is leased here. */
  readonly stopping: () => boolean;
}

/** Which handlers should stop, with what is left of their grace, which counts from when this broker first saw it. */
export function cancelRequestsOf(
  asked: readonly { readonly leaseId: LeaseId; readonly reason: EndReason }[],
  session: UnarySession,
  { clock, intervals }: Pick<UnaryContext, "clock" | "intervals">,
): CancelRequest[] {
  const now = clock.elapsed();
  return asked.map(({ leaseId, reason }) => {
    const at = session.cancelAt.get(leaseId) ?? now + intervals.cancelGraceMs;
    session.cancelAt.set(leaseId, at);
    return { $typeName: "conveyor.v1.CancelRequest", leaseId, reason, grace: msToDuration(Math.max(0, at - now)) };
  });
}
