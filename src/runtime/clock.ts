import { timerMsMax } from "./abort.ts";

/** Where time comes from. */
export interface Clock {
  /** Milliseconds since the epoch; may jump when the machine's clock is set. */
  now(): number;
  /** Milliseconds from an arbitrary start; never goes back. */
  elapsed(): number;
  /** Calls `run` once, when so much has elapsed (at the latest after 24 days), unless what it answers is called before. */
  after(ms: number, run: () => void): () => void;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  elapsed: () => performance.now(),
  after(ms, run) {
    const timer = setTimeout(run, Math.min(timerMsMax, Math.max(1, Math.ceil(ms))));
    return () => clearTimeout(timer);
  },
};
