import type { CancelRequest } from "../../../gen/conveyor/v1/worker_service_pb.ts";
import type { Outcome } from "../../core/job.ts";
import type { LeaseId } from "../../core/names.ts";
import type { KeptLease } from "../../store/session.ts";
import { settleUntilDurable } from "../sessions/settler.ts";
import { cancelRequestsOf, type UnaryContext } from "./unary-context.ts";
import type { UnarySession } from "./unary-session.ts";

/** `gone`: the session has ended. `lost`: of the leases named, those that are not the caller's any more. */
export type Match =
  | { readonly kind: "gone" }
  | {
      readonly kind: "matched";
      readonly kept: readonly KeptLease[];
      readonly lost: readonly LeaseId[];
      readonly cancels: CancelRequest[];
    };

/**
 * Keeps a session alive and matches the leases in its caller's hands with the store's: others go back free, but for those of
 * `unread`, whose answer may be on its way. What ran over its time-out, or did not stop in time, is taken.
 */
export async function matchLeases(
  session: UnarySession,
  request: { readonly held: readonly LeaseId[]; readonly unread: readonly LeaseId[] },
  context: UnaryContext,
): Promise<Match> {
  const { held, unread } = request;
  const all = new Set([...held, ...unread]);
  session.matches.begun += 1;
  const answer = await context.store
    .resumeSession({
      sessionId: session.sessionId,
      principal: session.principal,
      ttlMs: context.intervals.sessionTtlMs,
      held: [...all].map((leaseId) => ({ leaseId, buffered: false })),
    })
    .finally(() => {
      session.matches.ended += 1;
    });
  if (answer.kind === "gone") return answer;
  session.epoch = answer.epoch;
  session.owned = true;
  context.onEffects(answer.effects);
  const live = new Set(answer.kept.map(({ leaseId }) => leaseId));
  for (const leaseId of session.cancelAt.keys()) if (!live.has(leaseId)) session.cancelAt.delete(leaseId);

  const kept: KeptLease[] = [];
  const lost = answer.lost.filter((leaseId) => held.includes(leaseId));
  await Promise.all(
    answer.kept.map(async (lease) => {
      const outcome = overdueAs(lease, session, context);
      if (outcome === undefined) kept.push(lease);
      else if (await taken(lease.leaseId, outcome, context)) lost.push(lease.leaseId);
    }),
  );
  const asked = kept.flatMap(({ leaseId, cancelReason: reason }) =>
    reason === undefined ? [] : [{ leaseId, reason }],
  );
  return { kind: "matched", kept, lost, cancels: cancelRequestsOf(asked, session, context) };
}

/** How a lease ends that its caller has held too long. */
function overdueAs(lease: KeptLease, session: UnarySession, context: UnaryContext): Outcome | undefined {
  const { clock, intervals } = context;
  const cancelAt = session.cancelAt.get(lease.leaseId);
  if (cancelAt !== undefined && cancelAt <= clock.elapsed()) {
    return { kind: "cancel", message: "its handler did not stop in time" };
  }
  if (lease.sinceClaimMs <= lease.timeoutMs + intervals.timeoutGraceMs) return undefined;
  const message = `no result within its time-out of ${lease.timeoutMs} ms`;
  return { kind: "failure", error: { name: "TIMED_OUT", message, stack: "" }, timedOut: true };
}

async function taken(leaseId: LeaseId, outcome: Outcome, context: UnaryContext): Promise<boolean> {
  const { committer, logger, signal, ids } = context;
  const item = { leaseId, outcome, sent: outcome.kind, jitter: ids.random() };
  return (await settleUntilDurable(item, { committer, logger, signal })) !== undefined;
}
