import { isConveyorError } from "../core/errors.ts";
import type { Clock } from "../runtime/clock.ts";
import type { StoreWatch } from "./observed-store.ts";

/** How well the store has been reached. */
export interface Reach extends StoreWatch {
  /** Its last call worked. */
  readonly ok: boolean;
  /** For how many ms it has been reached without a gap of more than `gapMs`; 0 while there is one. */
  steadyMs(): number;
}

const outages = ["STORE_UNAVAILABLE", "STORE_CORRUPT", "STORE_READ_ONLY", "STORE_IN_USE", "CLOSED"];

export function createReach(options: {
  readonly clock: Clock;
  readonly gapMs: number;
  readonly onChange: (ok: boolean, error: unknown) => void;
}): Reach {
  const { clock, gapMs } = options;
  let lastAt = Number.NEGATIVE_INFINITY;
  let steadySince = 0;
  let ok = true;

  function turn(now: boolean, error?: unknown): void {
    if (ok === now) return;
    ok = now;
    options.onChange(now, error);
  }

  return {
    get ok() {
      return ok;
    },
    reached() {
      const now = clock.elapsed();
      if (now - lastAt > gapMs) steadySince = now;
      lastAt = now;
      turn(true);
    },
    failed(error) {
      // A full store can still be read, and a bug in one item is no outage.
      if (isConveyorError(error) && outages.includes(error.code)) turn(false, error);
    },
    steadyMs() {
      const now = clock.elapsed();
      return now - lastAt > gapMs ? 0 : now - steadySince;
    },
  };
}
