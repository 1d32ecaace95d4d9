import { sleep } from "../../runtime/abort.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { Effects } from "../../store/effects.ts";
import type { SessionRef } from "../../store/session.ts";
import type { Store } from "../../store/store.ts";

/** What a broker tells the store of sessions whose stream has ended. */
export interface Departures {
  /** The worker said goodbye; resolves when its leases are back, or when the broker stops. */
  close(ref: SessionRef): Promise<void>;
  /** The stream broke; when the store cannot be told, the session lives as long as it would have. */
  detach(ref: SessionRef): Promise<void>;
  /** Resolves when nothing is under way. */
  idle(): Promise<void>;
}

const retryMs = 500;

export function createDepartures(options: {
  readonly store: Store;
  readonly graceMs: number;
  readonly onEffects: (effects: Effects) => void;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}): Departures {
  const { store, logger } = options;
  const underWay = new Set<Promise<void>>();

  async function close(ref: SessionRef): Promise<void> {
    while (!options.signal.aborted) {
      try {
        // One call frees what one transaction may hold; a second finds the rest.
        for (let more = true; more; ) {
          const answer = await store.closeSession(ref);
          options.onEffects(answer.effects);
          more = answer.more;
        }
        return;
      } catch (error) {
        logger.warn("session not closed yet", { sessionId: ref.sessionId, error });
        await sleep(retryMs, options.signal).catch(() => undefined);
      }
    }
  }

  async function detach(ref: SessionRef): Promise<void> {
    try {
      await store.detachSession({ ...ref, graceMs: options.graceMs });
    } catch (error) {
      logger.warn("session not detached", { sessionId: ref.sessionId, error });
    }
  }

  function tracked(work: Promise<void>): Promise<void> {
    underWay.add(work);
    return work.finally(() => underWay.delete(work));
  }

  return {
    close: (ref) => tracked(close(ref)),
    detach: (ref) => tracked(detach(ref)),
    async idle() {
      await Promise.all(underWay);
    },
  };
}
