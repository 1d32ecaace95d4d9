import { limits } from "../core/limits.ts";

/** How many jobs a worker wants in its hands. */
export interface Window {
  /** Takes the duration of one handler into account. */
  observe(ms: number): void;
  /** Jobs at present. */
  readonly size: number;
}

/** Handlers below `growMs` on average want `factor` times the concurrency; above `shrinkMs` no more. In order of size. */
const steps = [
  { factor: 2, growMs: 50, shrinkMs: 100 },
  { factor: 4, growMs: 5, shrinkMs: 10 },
] as const;
/** Before that many handlers have ended nothing is known. */
const observationsMin = 8;
const weight = 1 / 16;

/**
 * The window for handlers of unknown duration: the concurrency for slow ones, so that no job waits in a buffer while another
 * worker is idle, two to four times it for those of milliseconds, so that none waits for the network. `fixed` overrules.
 */
export function createWindow(options: { readonly concurrency: number; readonly fixed?: number | undefined }): Window {
  let averageMs = 0;
  let observations = 0;
  let factor = 1;

  function observe(ms: number): void {
    observations += 1;
    averageMs += (ms - averageMs) * Math.max(weight, 1 / observations);
    if (observations < observationsMin) return;
    let next = 1;
    for (const step of steps) {
      if (averageMs < (factor >= step.factor ? step.shrinkMs : step.growMs)) next = step.factor;
    }
    factor = next;
  }

  return {
    observe,
    get size() {
      return Math.min(limits.windowJobsMax, options.fixed ?? options.concurrency * factor);
    },
  };
}
