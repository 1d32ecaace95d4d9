import type { Clock } from "../../runtime/clock.ts";
import type { BrokerIntervals } from "../options.ts";

/** The regular looks of a stream at itself. */
export interface Pulse {
  /** A frame arrived. */
  heard(): void;
  stop(): void;
}

export interface PulseOptions {
  readonly intervals: BrokerIntervals;
  readonly clock: Clock;
  /** Nothing is being read at the moment: silence is our own. */
  readonly deaf: () => boolean;
  readonly onSilence: () => void;
  readonly onBeat: () => void;
  /** At every tick, with the time of `clock.elapsed`. */
  readonly onLook: (now: number) => void;
}

/**
 * Beats every heartbeat interval and finds silence, which is counted in ticks: a stall of this process is one tick, not a silence of
 * the worker, and what was sent meanwhile is read before anything is judged late.
 */
export function createPulse(options: PulseOptions): Pulse {
  const { clock } = options;
  const { tickMs, heartbeatMs, watchdogMs } = options.intervals;
  const ticksPerBeat = Math.max(1, Math.round(heartbeatMs / tickMs));
  const timer = setInterval(tick, tickMs);
  let tickedAt = clock.elapsed();
  let ticks = 0;
  let silentTicks = 0;

  function tick(): void {
    const now = clock.elapsed();
    const stalled = now - tickedAt > 3 * tickMs;
    tickedAt = now;
    if (stalled) return;
    ticks += 1;
    silentTicks = options.deaf() ? 0 : silentTicks + 1;
    if (silentTicks * tickMs >= watchdogMs) {
      options.onSilence();
      return;
    }
    if (ticks % ticksPerBeat === 0) options.onBeat();
    options.onLook(now);
  }

  return {
    heard() {
      silentTicks = 0;
    },
    stop: () => clearInterval(timer),
  };
}
