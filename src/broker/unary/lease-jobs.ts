import type { Delivery, LeaseJobsResponse } from "../../../gen/conveyor/v1/worker_service_pb.ts";
import { ConveyorError } from "../../core/errors.ts";
import type { LeaseId } from "../../core/names.ts";
import { aborted } from "../../runtime/abort.ts";
import type { Lease } from "../../store/commit.ts";
import { type LeaseRequest, leaseRequestFromWire } from "../../wire/lease-request.ts";
import { leaseToDelivery } from "../../wire/lease-to-delivery.ts";
import { msToDuration } from "../../wire/time.ts";
import type { Caller } from "../services/service-context.ts";
import { deliveryBytes } from "../sessions/outbox.ts";
import { type Match, matchLeases } from "./match-leases.ts";
import { poll } from "./poll.ts";
import { releaseLeases } from "./release.ts";
import { cancelRequestsOf, type UnaryContext } from "./unary-context.ts";
import { checkUnary, firstSessionId, newSessionId, nonceOf, remember, type UnarySession } from "./unary-session.ts";

/** An answer is on its way before the caller's deadline. */
const deadlineMarginMs = 500;
const answerBytesMax = 3.75 * 1024 * 1024;

type Answer = Omit<LeaseJobsResponse, "$typeName">;
type Matched = Extract<Match, { readonly kind: "matched" }>;

/** Serves LeaseJobs: matches what the caller holds, then leases for it as for a stream, at the latest when its wait is over. */
export async function leaseJobs(
  wire: Parameters<typeof leaseRequestFromWire>[0],
  caller: Caller,
  context: UnaryContext,
): Promise<Answer> {
  const request = leaseRequestFromWire(wire);
  for (const { queue, types } of request.subscriptions) for (const type of types) caller.admit({ queue, type });
  if (context.stopping()) throw new ConveyorError("DRAINING", "this broker stops; call another one");

  const named = await sessionOf(request, caller, context);
  await named.endPoll?.(request.requestId);
  const before = await leasedBefore(named, request, context);
  const { session, matched, replaced } = await matchedSession(named, { request, caller, before }, context);
  if (before.leases.length > 0 && !replaced) return answerOf(before.leases, { session, matched, replaced }, context);
  return leaseAnew(request, { session, matched, replaced, caller }, context);
}

async function sessionOf(request: LeaseRequest, caller: Caller, context: UnaryContext): Promise<UnarySession> {
  if (request.sessionId !== undefined) {
    checkUnary(request.sessionId);
    return context.sessions.use(request.sessionId, caller.principal);
  }
  const sessionId = firstSessionId({ ...request, principal: caller.principal });
  return open(sessionId, { request, caller }, context);
}

async function open(
  sessionId: UnarySession["sessionId"],
  { request, caller }: { readonly request: LeaseRequest; readonly caller: Caller },
  context: UnaryContext,
): Promise<UnarySession> {
  const { worker } = request;
  const ttlMs = context.intervals.sessionTtlMs;
  await context.store.openSession({ sessionId, principal: caller.principal, worker, instanceId: "", ttlMs });
  const session = context.sessions.use(sessionId, caller.principal);
  session.owned = true;
  return session;
}

/** What an earlier call with this request id leased and still holds. `fresh`: the session has no other leases, and is alive. */
interface Before {
  readonly leases: readonly Lease[];
  readonly fresh: boolean;
}

async function leasedBefore(session: UnarySession, request: LeaseRequest, context: UnaryContext): Promise<Before> {
  const known = session.nonces.get(request.requestId);
  // The first call of a session may have been served by another broker.
  const nonce = known ?? (request.sessionId === undefined ? nonceOf(session, request.requestId) : undefined);
  if (nonce === undefined) return { leases: [], fresh: false };
  const { sessionId, epoch } = session;
  const { jobsMax, bytesMax } = request;
  const claim = [{ sessionId, epoch, nonce, again: true, jobsMax, bytesMax, lanes: [] }];
  const { claimed, effects } = await context.store.commit({ renew: [], settle: [], insert: [], claim });
  context.onEffects(effects);
  const [answer] = claimed;
  const fresh = request.sessionId === undefined && answer?.kind === "claimed";
  const leases = answer?.kind === "claimed" ? answer.leases : [];
  if (leases.length > 0 || known === undefined || answer?.kind !== "claimed") return { leases, fresh };
  throw new ConveyorError(
    "REQUEST_ID_REUSED",
    `request_id: what ${request.requestId} leased is not held any more; take a new one for each call that is no repeat`,
  );
}

/** The session of the request or, when that has ended, a new one: then every lease that the caller names is lost. */
async function matchedSession(
  named: UnarySession,
  call: { readonly request: LeaseRequest; readonly caller: Caller; readonly before: Before },
  context: UnaryContext,
): Promise<{ readonly session: UnarySession; readonly matched: Matched; readonly replaced: boolean }> {
  const { request, before } = call;
  const noLeases: Matched = { kind: "matched", kept: [], lost: request.held, cancels: [] };
  if (before.fresh) return { session: named, matched: noLeases, replaced: false };
  const unread = before.leases.map(({ leaseId }) => leaseId);
  const match = await matchLeases(named, { held: request.held, unread }, context);
  if (match.kind === "matched") return { session: named, matched: match, replaced: false };
  context.sessions.forget(named);
  const session = await open(newSessionId(context.ids.nonce()), call, context);
  return { session, matched: noLeases, replaced: request.sessionId !== undefined };
}

async function leaseAnew(
  request: LeaseRequest,
  found: {
    readonly session: UnarySession;
    readonly matched: Matched;
    readonly replaced: boolean;
    readonly caller: Caller;
  },
  context: UnaryContext,
): Promise<Answer> {
  const { session, matched, caller } = found;
  const nonce = nonceOf(session, request.requestId);
  const stop = new AbortController();
  const signal = AbortSignal.any([caller.signal, stop.signal, context.signal]);
  let takenOverBy: string | undefined;
  const hasNews = matched.lost.length > 0 || matched.cancels.length > 0;
  const inFlight = countByQueue(matched);
  const polling = poll(session, { ...request, nonce, inFlight }, context, {
    waitMs: hasNews ? 0 : waitMsOf(request, caller, context),
    signal,
  });
  const done = polling.then(() => undefined);
  session.endPoll = (requestId) => {
    takenOverBy = requestId;
    stop.abort(aborted("another call of this session leases"));
    return done;
  };
  const polled = await polling;
  session.endPoll = undefined;
  // Whoever took over matches without them: they go back, and must not be answered as well.
  const leases = takenOverBy === undefined || takenOverBy === request.requestId ? polled.leases : [];
  if (leases.length < polled.leases.length) void releaseLeases(polled.leases, context);
  if (leases.length > 0) remember(session, request.requestId, nonce);
  if (caller.signal.aborted) {
    // The repeat that has come instead finds them.
    if (takenOverBy !== request.requestId) await releaseLeases(leases, context);
    throw caller.signal.reason;
  }
  const cancels = [...matched.cancels, ...cancelRequestsOf(polled.cancels, session, context)];
  return answerOf(leases, { ...found, matched: { ...matched, cancels } }, context);
}

function waitMsOf({ waitMs }: LeaseRequest, caller: Caller, { clock, stopping }: UnaryContext): number {
  if (stopping()) return 0;
  const leftMs = caller.deadlineMs === undefined ? waitMs : caller.deadlineMs - clock.now() - deadlineMarginMs;
  return Math.max(0, Math.min(waitMs, leftMs));
}

function countByQueue({ kept }: Matched): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { queue } of kept) counts.set(queue, (counts.get(queue) ?? 0) + 1);
  return counts;
}

/** As many leases as an answer can hold; what is left goes back. */
function answerOf(
  leases: readonly Lease[],
  found: { readonly session: UnarySession; readonly matched: Matched; readonly replaced: boolean },
  context: UnaryContext,
): Answer {
  const { session, matched, replaced } = found;
  const deliveries: Delivery[] = [];
  let bytes = 0;
  for (const lease of leases) {
    const delivery = leaseToDelivery(lease);
    bytes += deliveryBytes(delivery);
    if (deliveries.length > 0 && bytes > answerBytesMax) break;
    deliveries.push(delivery);
  }
  if (deliveries.length < leases.length) void releaseLeases(leases.slice(deliveries.length), context);
  session.fresh = deliveries.map(({ leaseId }) => leaseId as LeaseId); // of the store, just turned into text
  return {
    sessionId: session.sessionId,
    deliveries,
    sessionTtl: msToDuration(context.intervals.sessionTtlMs),
    lostLeaseIds: [...matched.lost],
    cancelRequests: matched.cancels,
    sessionReplaced: replaced,
  };
}
