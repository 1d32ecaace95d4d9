/** How to undo what was done since the last commit, so that a verb that throws can be taken back whole. */
export class Journal {
  #undoings: (() => void)[] = [];

  push(undo: () => void): void {
    this.#undoings.push(undo);
  }

  rollback(): void {
    for (let undo = this.#undoings.pop(); undo !== undefined; undo = this.#undoings.pop()) undo();
  }

  /** Forgets how to undo what was done. */
  commit(): void {
    this.#undoings = [];
  }

  /** Puts a row into a map, or takes it out (undefined). */
  set<Key, Row>(map: Map<Key, Row>, key: Key, row: Row | undefined): void {
    const before = map.get(key);
    set(map, key, row);
    this.push(() => set(map, key, before));
  }
}

function set<Key, Row>(map: Map<Key, Row>, key: Key, row: Row | undefined): void {
  if (row === undefined) map.delete(key);
  else map.set(key, row);
}
