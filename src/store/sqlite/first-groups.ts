import type { Group } from "./below.ts";

/** The `max` groups that come first by insertion, of any number that are added. */
export interface FirstGroups {
  add(group: Group): void;
  /** In order. */
  list(): readonly Group[];
}

/** Keeps at most twice as many in memory. */
export function firstGroups(max: number): FirstGroups {
  let kept: Group[] = [];
  function trim(): void {
    kept = kept.sort((left, right) => left.seq - right.seq).slice(0, max);
  }
  return {
    add(group) {
      kept.push(group);
      if (kept.length >= 2 * max) trim();
    },
    list() {
      trim();
      return kept;
    },
  };
}
