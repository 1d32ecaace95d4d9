import { serverDefaults } from "../core/job.ts";
import type { UpkeepAnswer } from "../store/effects.ts";
import { createMemoryData } from "../store/memory/data.ts";
import { openMemoryStore } from "../store/memory/store.ts";
import type { Store } from "../store/store.ts";
import type { VirtualClock } from "./virtual-clock.ts";

/** What goes on in a store in memory, as its owner sees it. */
export interface Stage {
  readonly store: Store;
  /** Rises with every move of a job. */
  readonly moves: number;
  readonly ready: number;
  readonly running: number;
  /** Ends that have not reached their parents, and jobs that are to be cancelled or put in place. */
  readonly upkeep: number;
  /** Milliseconds until the next job is due; undefined: none waits for its time. */
  nextInMs(): number | undefined;
  /** Readies what is due, and removes what was kept long enough. */
  catchUp(): Promise<void>;
  close(): Promise<void>;
}

const rowsPerStepMax = 500;

export async function openStage(clock: VirtualClock): Promise<Stage> {
  const data = createMemoryData();
  const { tables } = data;
  let moves = 0;
  const options = { defaults: serverDefaults, clock: clock.now, data };
  const countMove = () => {
    moves += 1;
  };
  const store = await openMemoryStore({ ...options, onTransition: countMove });
  // As another broker's: what it does is told to the broker of the first.
  const second = await openMemoryStore({ ...options, onTransition: countMove });

  async function all(step: () => Promise<UpkeepAnswer>): Promise<void> {
    for (;;) {
      const { more, count } = await step();
      if (!more || count === 0) return;
    }
  }

  return {
    store,
    get moves() {
      return moves;
    },
    get ready() {
      return tables.countOf("READY");
    },
    get running() {
      return tables.countOf("RUNNING");
    },
    get upkeep() {
      return tables.propagateDue.size + tables.cascadeDue.size + tables.expandDue.size;
    },
    nextInMs() {
      const next = tables.waiting.first();
      return next && Math.max(0, next.runAt - clock.now());
    },
    async catchUp() {
      await all(() => second.promote({ max: rowsPerStepMax }));
      await all(() => second.prune({ max: rowsPerStepMax }));
    },
    close: () => second.close(),
  };
}
