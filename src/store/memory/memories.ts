import type { JobId } from "../../core/names.ts";
import type { Journal } from "./journal.ts";
import type { MemoryRow } from "./row.ts";

/** What is remembered of removed roots, by id and by request id. */
export class Memories {
  readonly #journal: Journal;
  readonly #byId = new Map<JobId, MemoryRow>();
  readonly #idOfRequest = new Map<string, JobId>();

  constructor(journal: Journal) {
    this.#journal = journal;
  }

  byId(id: JobId): MemoryRow | undefined {
    return this.#byId.get(id);
  }

  byRequest(requestId: string): MemoryRow | undefined {
    const id = this.#idOfRequest.get(requestId);
    return id === undefined ? undefined : this.#byId.get(id);
  }

  /** The oldest, at most `max`, that are over at this time. */
  over(now: number, max: number): readonly JobId[] {
    const found: JobId[] = [];
    for (const { id, until } of this.#byId.values()) {
      if (until > now || found.length === max) break;
      found.push(id);
    }
    return found;
  }

  put(row: MemoryRow): void {
    this.#journal.set(this.#byId, row.id, undefined); // the newest stands last
    this.#journal.set(this.#byId, row.id, row);
    if (row.requestId !== undefined) this.#journal.set(this.#idOfRequest, row.requestId, row.id);
  }

  /** The request id may be another root's by now. */
  forget(id: JobId): void {
    const requestId = this.#byId.get(id)?.requestId;
    this.#journal.set(this.#byId, id, undefined);
    if (requestId !== undefined && this.#idOfRequest.get(requestId) === id) {
      this.#journal.set(this.#idOfRequest, requestId, undefined);
    }
  }
}
