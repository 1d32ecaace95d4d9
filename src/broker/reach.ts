import { isConveyorError } from "../core/errors.ts";
import type { Clock } from "../runtime/clock.ts";
import type { StoreWatch } from "./observed-store.ts";

/** How well the store has been reached. */
export interface Reach extends StoreWatch {
  /** False from a call that failed until writes have worked again without one that failed for `calmMs`. */
  readonly ok: boolean;
  /**
   * For how many ms sessions could be renewed: writes worked without a gap of more than `gapMs`, none failed, and the store's clock,
   * by which sessions end, did not leap ahead by more than `gapMs`, as far as it was told. 0 while there is such a gap.
   */
  steadyMs(): number;
  /** What the store's clock says now; to be told before its time is relied on. */
  told(storeMs: number): void;
}

const outages = [
  "STORE_UNAVAILABLE",
  "STORE_FULL",
  "STORE_CORRUPT",
  "STORE_READ_ONLY",
  "STORE_IN_USE",
  "STORE_DENIED",
  "STORE_LOSSY",
  "CLOSED",
];

export function createReach(options: {
  readonly clock: Pick<Clock, "elapsed">;
  readonly gapMs: number;
  readonly calmMs: number;
  readonly onChange: (ok: boolean, error: unknown) => void;
}): Reach {
  const { clock, gapMs, calmMs } = options;
  let wroteAt = Number.NEGATIVE_INFINITY;
  let failedAt = Number.NEGATIVE_INFINITY;
  let steadySince = 0;
  /** Least lead of the store's clock in the steady time: steps that are small each are found by their sum. */
  let lead = Number.POSITIVE_INFINITY;
  let ok = true;

  function turn(now: boolean, error?: unknown): void {
    if (ok === now) return;
    ok = now;
    options.onChange(now, error);
  }

  function unsteady(now: number): void {
    steadySince = now;
    lead = Number.POSITIVE_INFINITY;
  }

  return {
    get ok() {
      return ok;
    },
    wrote() {
      const now = clock.elapsed();
      if (now - wroteAt > gapMs) unsteady(now);
      wroteAt = now;
      // A full disk takes writes that have nothing to write: one that worked proves little while others fail.
      if (!ok && now - failedAt >= calmMs) turn(true);
    },
    failed(error, verb) {
      // A bug in one item is no outage.
      if (!isConveyorError(error) || !outages.includes(error.code)) return;
      const now = clock.elapsed();
      failedAt = now;
      // Whoever reads a damaged page again and again must not keep dead sessions alive.
      if (verb === "write") unsteady(now);
      turn(false, error);
    },
    told(storeMs) {
      const now = clock.elapsed();
      const leads = storeMs - now;
      if (leads - lead > gapMs) unsteady(now);
      lead = Math.min(lead, leads);
    },
    steadyMs() {
      const now = clock.elapsed();
      return now - wroteAt > gapMs ? 0 : now - steadySince;
    },
  };
}
