import type { Lease } from "../../store/commit.ts";
import type { LeaseRequest } from "../../wire/lease-request.ts";
import type { Claimant } from "../dispatcher.ts";
import type { CancelledLease } from "../sessions/cancels.ts";
import { subscribe } from "../sessions/subscriptions.ts";
import { releaseLeases } from "./release.ts";
import type { UnaryContext } from "./unary-context.ts";
import type { UnarySession } from "./unary-session.ts";

/** What came of a wait: leases, or none because it was over. */
export interface Polled {
  readonly leases: readonly Lease[];
  /** Handlers that should stop, as the store said during the wait. */
  readonly cancels: readonly CancelledLease[];
}

/** However short the wait, one look is taken, unless the store does not answer. */
const lookMs = 500;

/**
 * Waits for jobs in the one line that streams wait in; keeps the session alive meanwhile. Ends early for a cancel, and when the
 * session has ended, another broker has served it, or another call has freed what was just claimed: the next call finds out which.
 */
export function poll(
  session: UnarySession,
  request: LeaseRequest & { readonly nonce: string; readonly inFlight: ReadonlyMap<string, number> },
  context: UnaryContext,
  options: { readonly waitMs: number; readonly signal: AbortSignal },
): Promise<Polled> {
  const { dispatcher, intervals, committer } = context;
  const subscriptions = subscribe(context.board, request.subscriptions);
  for (const each of subscriptions.list) each.inFlight = request.inFlight.get(each.queue) ?? 0;

  return new Promise((resolve) => {
    let phase: "waiting" | "ending" | "over" = "waiting";
    let looked = false;
    let claiming = false;
    let claimEpoch = session.epoch;
    /** Matches that had begun when the claim went; undefined: one was under way. */
    let claimMatches: number | undefined;

    const claimant: Claimant = {
      get ref() {
        return { sessionId: session.sessionId, epoch: session.epoch };
      },
      nonce: request.nonce,
      subscriptions: subscriptions.list,
      room: () => (phase === "waiting" ? { jobs: request.jobsMax, bytes: request.bytesMax } : { jobs: 0, bytes: 0 }),
      deliver(leases) {
        // A match that did not know of them has given them back: to answer them would have their jobs run twice, and to claim
        // again under this nonce would have their lease ids live twice.
        const isLost = claimMatches !== session.matches.begun;
        if (phase === "over" || isLost) refuse(leases);
        finish({ leases: isLost ? [] : leases, cancels: [] });
      },
      refuse,
      claiming() {
        claiming = true;
        claimEpoch = session.epoch;
        const { begun, ended } = session.matches;
        claimMatches = begun === ended ? begun : undefined;
      },
      claimed() {
        claiming = false;
        looked = true;
        if (phase === "ending") finish({ leases: [], cancels: [] });
        else if (phase === "waiting") dispatcher.want(claimant);
      },
      superseded() {
        // Another call of this session at this broker has raised the epoch: the next claim has the new one.
        if (session.epoch === claimEpoch) finish({ leases: [], cancels: [] });
      },
    };

    function refuse(leases: readonly Lease[]): void {
      void releaseLeases(leases, context);
    }

    function end(): void {
      if (phase !== "waiting") return;
      phase = "ending";
      dispatcher.leave(claimant);
      if (!claiming) finish({ leases: [], cancels: [] });
    }

    function finish(polled: Polled): void {
      if (phase === "over") return;
      phase = "over";
      dispatcher.leave(claimant);
      clearTimeout(timer);
      clearInterval(renewals);
      options.signal.removeEventListener("abort", end);
      subscriptions.release();
      resolve(polled);
    }

    async function renew(): Promise<void> {
      const { sessionId, epoch } = session;
      const answer = await committer.renew({ sessionId, epoch, ttlMs: intervals.sessionTtlMs, buffered: [] });
      if (answer.kind === "gone" || !answer.cancels.some(({ leaseId }) => !session.cancelAt.has(leaseId))) return;
      if (phase === "waiting" && !claiming) finish({ leases: [], cancels: answer.cancels });
    }

    const renewals = setInterval(() => void renew().catch(() => undefined), intervals.heartbeatMs);
    let timer = setTimeout(() => {
      if (looked) end();
      else timer = setTimeout(end, lookMs);
    }, options.waitMs);
    options.signal.addEventListener("abort", end, { once: true });
    if (options.signal.aborted) end();
    else dispatcher.want(claimant);
  });
}
