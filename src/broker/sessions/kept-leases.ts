import type { KeptLease } from "../../store/session.ts";
import type { ResumedSession } from "../../wire/hello.ts";
import type { HeldLease } from "./held-leases.ts";

/** The leases of a resume as a new stream holds them at the time `now`: how long each has run, the worker says, and the store bounds. */
export function keptLeases(
  kept: readonly KeptLease[],
  resumed: ResumedSession | undefined,
  now: number,
): readonly Omit<HeldLease, "subscription">[] {
  const held = new Map(resumed?.held.map((each) => [each.leaseId, each]));
  return kept.map((lease) => {
    const said = held.get(lease.leaseId);
    const elapsedMs = Math.min(said?.elapsedMs ?? 0, lease.sinceClaimMs);
    return {
      leaseId: lease.leaseId,
      jobId: lease.jobId,
      type: lease.type,
      queue: lease.queue,
      bytes: lease.payloadBytes,
      timeoutMs: lease.timeoutMs,
      seq: 0,
      claimedAt: now - lease.sinceClaimMs,
      startedAt: said?.buffered === true ? undefined : now - elapsedMs,
      cancelAt: undefined,
    };
  });
}
