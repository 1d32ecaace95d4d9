import type { Clock } from "../runtime/clock.ts";

/** Times by which things must be over. */
export interface Deadlines<Item> {
  /** `at` is on the clock's monotonic scale. */
  add(item: Item, at: number): void;
  remove(item: Item): void;
  clear(): void;
}

/**
 * Calls `expire` for what is not removed by its time. One timer for all, set for the earliest time ever added: most items are
 * removed long before, so that a job costs an entry in a map and no timer.
 */
export function createDeadlines<Item>(
  clock: Pick<Clock, "elapsed" | "after">,
  expire: (item: Item) => void,
): Deadlines<Item> {
  const items = new Map<Item, number>();
  let disarm: () => void = () => undefined;
  let timerAt = Number.POSITIVE_INFINITY;

  function arm(at: number): void {
    disarm();
    timerAt = at;
    disarm = at === Number.POSITIVE_INFINITY ? () => undefined : clock.after(at - clock.elapsed(), sweep);
  }

  function sweep(): void {
    const now = clock.elapsed();
    const due: Item[] = [];
    let next = Number.POSITIVE_INFINITY;
    for (const [item, at] of items) {
      if (at <= now) due.push(item);
      else if (at < next) next = at;
    }
    for (const item of due) items.delete(item);
    arm(next);
    for (const item of due) expire(item);
  }

  return {
    add(item, at) {
      items.set(item, at);
      if (at < timerAt) arm(at);
    },
    remove(item) {
      items.delete(item);
    },
    clear() {
      items.clear();
      arm(Number.POSITIVE_INFINITY);
    },
  };
}
