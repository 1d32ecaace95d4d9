import type { ReleaseLeasesRequest } from "../../../gen/conveyor/v1/worker_service_pb.ts";
import { ConveyorError } from "../../core/errors.ts";
import type { LeaseId, SessionId } from "../../core/names.ts";
import type { SessionRef } from "../../store/session.ts";
import { heldFromWire, sessionIdFromWire } from "../../wire/lease-request.ts";
import type { Caller } from "../services/service-context.ts";
import { settleUnheld } from "../sessions/settler.ts";
import type { UnaryContext } from "./unary-context.ts";
import { checkUnary } from "./unary-session.ts";

/** Gives leases back, or all of them with their session; answers how many went back. */
export async function serveRelease(
  request: ReleaseLeasesRequest,
  caller: Caller,
  context: UnaryContext,
): Promise<{ readonly released: number }> {
  caller.admit();
  const sessionId = sessionIdFromWire(request.sessionId);
  checkUnary(sessionId);
  const leaseIds = heldFromWire(request.leaseIds);
  if (leaseIds.length > 0) return { released: await released(leaseIds, caller, context) };
  return { released: await closed(sessionId, caller, context) };
}

async function released(leaseIds: readonly LeaseId[], caller: Caller, context: UnaryContext): Promise<number> {
  const { store, committer, logger, ids } = context;
  const signal = AbortSignal.any([caller.signal, context.signal]);
  const answers = await Promise.all(
    leaseIds.map((leaseId) => {
      const item = { leaseId, outcome: { kind: "release" }, sent: "release", jitter: ids.random() } as const;
      return settleUnheld(item, { store, committer, logger, signal, principal: caller.principal });
    }),
  );
  if (answers.includes(undefined)) {
    throw new ConveyorError("STORE_UNAVAILABLE", "the store did not answer in time; release them again");
  }
  return answers.filter((answer) => answer?.kind === "accepted" || answer?.kind === "repeated").length;
}

/** Where this broker does not know the session, or not its newest epoch, a resume tells, and whose it is. */
async function closed(sessionId: SessionId, { principal }: Caller, context: UnaryContext): Promise<number> {
  const session = context.sessions.use(sessionId, principal);
  await session.endPoll?.("");
  context.sessions.forget(session);
  const count = session.owned ? await close(session, context) : 0;
  const answer = await context.store.resumeSession({
    sessionId,
    principal,
    ttlMs: context.intervals.sessionTtlMs,
    held: [],
  });
  if (answer.kind === "gone") return count;
  context.onEffects(answer.effects);
  return count + (await close({ sessionId, epoch: answer.epoch }, context));
}

async function close({ sessionId, epoch }: SessionRef, context: UnaryContext): Promise<number> {
  let count = 0;
  for (let more = true; more; ) {
    const answer = await context.store.closeSession({ sessionId, epoch });
    context.onEffects(answer.effects);
    count += answer.count;
    more = answer.more;
  }
  return count;
}
