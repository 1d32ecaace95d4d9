/** Items in the order of `compare`, which never answers 0 for two different items. Taking the first one is cheap. */
export class SortedList<T> {
  readonly #compare: (left: T, right: T) => number;
  #items: T[] = [];
  /** Items before this one were taken off the front. */
  #head = 0;

  constructor(compare: (left: T, right: T) => number) {
    this.#compare = compare;
  }

  get size(): number {
    return this.#items.length - this.#head;
  }

  first(): T | undefined {
    return this.#items[this.#head];
  }

  /** A copy of at most `max` items from the front. */
  head(max: number = this.size): T[] {
    return this.#items.slice(this.#head, this.#head + max);
  }

  add(item: T): void {
    this.#items.splice(this.#position(item), 0, item);
  }

  /** Takes off the item that is equal by `compare`; throws when there is none. */
  remove(item: T): void {
    const position = this.#position(item);
    const found = this.#items[position];
    if (found === undefined || this.#compare(found, item) !== 0) throw new Error("not in the list");
    if (position === this.#head) this.#takeFirst();
    else this.#items.splice(position, 1);
  }

  #takeFirst(): void {
    this.#head += 1;
    if (this.#head < 64 || this.#head * 2 < this.#items.length) return;
    this.#items = this.#items.slice(this.#head);
    this.#head = 0;
  }

  #position(item: T): number {
    let low = this.#head;
    let high = this.#items.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      const other = this.#items[middle];
      if (other !== undefined && this.#compare(other, item) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}
