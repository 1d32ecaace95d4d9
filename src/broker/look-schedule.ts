import type { Clock } from "../runtime/clock.ts";

/** When each of many things is to be looked at: soon after it changed, then less and less often. */
export interface LookSchedule<Key> {
  /** From now on the key is looked at, first after the shortest pause; also when it is known already. */
  soon(key: Key): void;
  /** A known key is due now. */
  now(key: Key): void;
  /** All are due now. */
  allNow(): void;
  /** The key is not due for so long, whatever is said of it meanwhile. */
  rest(key: Key, ms: number): void;
  remove(key: Key): void;
  /** Keys whose time has come; each is looked at next after twice the pause. */
  due(): readonly Key[];
  /** Until the next is due; undefined: there is no key. */
  nextInMs(): number | undefined;
}

const pausesMax = 20;

interface Entry {
  pauseMs: number;
  dueAt: number;
  notBefore: number;
}

export function createLookSchedule<Key>(options: {
  readonly clock: Clock;
  /** The shortest pause between two looks; the longest is 20 times that. */
  readonly lookMs: number;
  /** A key is due in so long. */
  readonly onDueIn: (ms: number) => void;
}): LookSchedule<Key> {
  const { clock, lookMs, onDueIn } = options;
  const entries = new Map<Key, Entry>();

  function set(entry: Entry, dueInMs: number): void {
    const now = clock.elapsed();
    entry.pauseMs = lookMs;
    entry.dueAt = Math.max(now + dueInMs, entry.notBefore);
    onDueIn(entry.dueAt - now);
  }

  return {
    soon(key) {
      const entry = entries.get(key) ?? { pauseMs: 0, dueAt: 0, notBefore: 0 };
      entries.set(key, entry);
      set(entry, lookMs);
    },
    now(key) {
      const entry = entries.get(key);
      if (entry !== undefined) set(entry, 0);
    },
    allNow() {
      for (const entry of entries.values()) set(entry, 0);
    },
    rest(key, ms) {
      const entry = entries.get(key);
      if (entry === undefined) return;
      entry.notBefore = clock.elapsed() + ms;
      entry.dueAt = Math.max(entry.dueAt, entry.notBefore);
    },
    remove: (key) => void entries.delete(key),
    due() {
      const now = clock.elapsed();
      const due: Key[] = [];
      for (const [key, entry] of entries) {
        // Those that are nearly due come along: fewer looks with more in each.
        if (Math.max(entry.dueAt - lookMs / 2, entry.notBefore) > now) continue;
        due.push(key);
        entry.pauseMs = Math.min(2 * entry.pauseMs, pausesMax * lookMs);
        entry.dueAt = now + entry.pauseMs;
      }
      return due;
    },
    nextInMs() {
      let next = Number.POSITIVE_INFINITY;
      for (const { dueAt } of entries.values()) next = Math.min(next, dueAt);
      return next === Number.POSITIVE_INFINITY ? undefined : Math.max(0, next - clock.elapsed());
    },
  };
}
