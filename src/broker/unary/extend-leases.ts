import type { ExtendLeasesRequest, ExtendLeasesResponse } from "../../../gen/conveyor/v1/worker_service_pb.ts";
import { ConveyorError } from "../../core/errors.ts";
import { heldFromWire, sessionIdFromWire } from "../../wire/lease-request.ts";
import { msToDuration } from "../../wire/time.ts";
import type { Caller } from "../services/service-context.ts";
import { matchLeases } from "./match-leases.ts";
import type { UnaryContext } from "./unary-context.ts";
import { checkUnary } from "./unary-session.ts";

/** Keeps a session alive and says which leases are lost or should stop. SESSION_SUPERSEDED: it has ended, and every lease with it. */
export async function extendLeases(
  request: ExtendLeasesRequest,
  caller: Caller,
  context: UnaryContext,
): Promise<Omit<ExtendLeasesResponse, "$typeName">> {
  caller.admit();
  const sessionId = sessionIdFromWire(request.sessionId);
  checkUnary(sessionId);
  const held = heldFromWire(request.heldLeaseIds);
  const session = context.sessions.use(sessionId, caller.principal);
  const unread = session.fresh;
  const match = await matchLeases(session, { held, unread }, context);
  if (match.kind === "gone") {
    context.sessions.forget(session);
    throw new ConveyorError(
      "SESSION_SUPERSEDED",
      `the session ${sessionId} has ended, and its leases are lost; begin a new one`,
      {
        details: { resource: { type: "session", name: sessionId } },
      },
    );
  }
  return {
    lostLeaseIds: [...match.lost],
    cancelRequests: match.cancels,
    sessionTtl: msToDuration(context.intervals.sessionTtlMs),
  };
}
