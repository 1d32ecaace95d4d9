import { type Clock, systemClock } from "../runtime/clock.ts";

/** A clock whose time of day stands still until it is moved. What elapses goes on by itself, and jumps along when it is moved. */
export interface VirtualClock extends Clock {
  /** Milliseconds until the next of `after` is due; undefined: nothing waits. */
  nextInMs(): number | undefined;
  /** Moves time ahead and calls what became due, in the order of its times. */
  move(ms: number): void;
}

interface Timer {
  readonly at: number;
  readonly run: () => void;
  readonly disarm: () => void;
}

export function createVirtualClock(startMs: number): VirtualClock {
  const timers = new Set<Timer>();
  let movedMs = 0;
  const elapsed = () => systemClock.elapsed() + movedMs;

  function fire(timer: Timer): void {
    timer.disarm();
    if (timers.delete(timer)) timer.run();
  }

  function inOrder(): readonly Timer[] {
    return [...timers].sort((left, right) => left.at - right.at);
  }

  return {
    now: () => startMs + movedMs,
    elapsed,
    after(ms, run) {
      const timer: Timer = { at: elapsed() + ms, run, disarm: systemClock.after(ms, () => fire(timer)) };
      timers.add(timer);
      return () => {
        timer.disarm();
        timers.delete(timer);
      };
    },
    nextInMs() {
      const [next] = inOrder();
      return next && Math.max(0, next.at - elapsed());
    },
    move(ms) {
      movedMs += ms;
      const now = elapsed();
      for (const timer of inOrder()) if (timer.at <= now) fire(timer);
    },
  };
}
