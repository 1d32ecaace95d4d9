import { sleep } from "../runtime/abort.ts";
import { turnOfEventLoop } from "../runtime/deferred.ts";
import type { Stage } from "./stage.ts";

/** Why nothing moves. IDLE: nothing is ready and nothing runs. UNCLAIMED: jobs are ready, and no worker takes them. RUNNING: handlers wait. */
export type Quiet = "IDLE" | "UNCLAIMED" | "RUNNING";

export interface QuietOptions {
  /** How long handlers may wait for what is not a job before it counts as quiet; undefined: for ever. In ms of real time. */
  readonly patienceMs: number | undefined;
  /** Called in every round; true ends the wait. It may throw. */
  readonly enough: () => boolean | Promise<boolean>;
  /** Whether a worker is still on its way to the broker. */
  readonly connecting: () => boolean;
}

/** Nothing within this process takes longer to get to a worker than so many turns of the event loop, and so much real time. */
const calmTurns = 50;
const calmMs = 50;

/** Resolves when nothing more moves by itself at the present time of the clock; undefined: it was `enough`. */
export async function untilQuiet(stage: Stage, options: QuietOptions): Promise<Quiet | undefined> {
  let moves = -1;
  let turns = 0;
  let calmSince = 0;
  for (;;) {
    await stage.catchUp();
    if (await options.enough()) return undefined;
    if (stage.ready + stage.running + stage.upkeep === 0) return "IDLE";
    if (stage.moves !== moves || options.connecting()) {
      moves = stage.moves;
      turns = 0;
      calmSince = performance.now();
    }
    turns += 1;
    const forMs = performance.now() - calmSince;
    if (turns > calmTurns && forMs > calmMs && stage.upkeep === 0) {
      if (stage.running === 0) return "UNCLAIMED";
      if (options.patienceMs !== undefined && forMs > options.patienceMs) return "RUNNING";
    }
    // Whatever handlers wait for may need the processor.
    await (turns < calmTurns ? turnOfEventLoop() : sleep(1));
  }
}
