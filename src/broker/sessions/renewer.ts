import type { LeaseId } from "../../core/names.ts";
import type { SessionRef } from "../../store/session.ts";
import type { Committer } from "../committer.ts";
import type { CancelledLease } from "./cancels.ts";

/** Keeps a session alive in the store, with the leases that its worker named as buffered. */
export interface Renewer {
  /** A heartbeat: this set, from now for another time to live. */
  report(buffered: readonly LeaseId[]): void;
  /** Renews as it was last: the answer tells of cancels. */
  again(): void;
  /** These have started. */
  started(leaseIds: readonly LeaseId[]): void;
}

/** One renewal is under way at a time; what is said meanwhile goes with the next one. A failed one is made up for by the next heartbeat. */
export function createRenewer(options: {
  readonly ref: SessionRef;
  readonly ttlMs: number;
  readonly buffered: readonly LeaseId[];
  readonly committer: Committer;
  readonly onGone: () => void;
  /** All that should be stopped, whether or not it was told before. */
  readonly onCancels: (cancels: readonly CancelledLease[]) => void;
}): Renewer {
  let buffered = new Set(options.buffered);
  let running = false;
  let asked = false;

  async function renew(): Promise<void> {
    if (running) {
      asked = true;
      return;
    }
    running = true;
    try {
      do {
        asked = false;
        const answer = await options.committer.renew({ ...options.ref, ttlMs: options.ttlMs, buffered: [...buffered] });
        if (answer.kind === "gone") options.onGone();
        else if (answer.cancels.length > 0) options.onCancels(answer.cancels);
      } while (asked);
    } catch {
      // The store is away; the committer has reported it.
    } finally {
      running = false;
    }
  }

  return {
    report(named) {
      buffered = new Set(named);
      void renew();
    },
    again: () => void renew(),
    started(leaseIds) {
      let any = false;
      for (const leaseId of leaseIds) any = buffered.delete(leaseId) || any;
      if (any) void renew();
    },
  };
}
