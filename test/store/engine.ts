import type { JobId } from "../../src/core/names.ts";
import type { Store, StoreOptions } from "../../src/store/store.ts";

/** A way to keep jobs, as the suite sees it: one file below `engines/` each. */
export interface Engine {
  readonly name: string;
  /** Opens an empty store of its own. */
  open(options: StoreOptions): Promise<OpenedStore>;
  /** Ids that begin like these, of roots that it keeps together; undefined: any are. */
  neighbours?(ids: readonly string[]): readonly string[];
  /** What it cannot do by its nature. Which lacks there may be, and no others, is said by `tools/allowed-skips.ts`. */
  readonly lacks: { readonly [Need in EngineNeed]?: string };
}

/** What a case may ask of an engine beyond the contract. */
export interface EngineHooks {
  /** The process that used the store died without a word: opens what is left, as a store that takes the place of this one. */
  readonly crash: () => Promise<OpenedStore>;
  /** Takes a job away behind the store's back, as an operator at the database's own prompt would. */
  readonly removeJob: (id: JobId) => Promise<void>;
  /** Opens the same data once more, as another broker would, with the same options. */
  readonly second: () => Promise<OpenedStore>;
}

export type EngineNeed = keyof EngineHooks | "shardWideOrder";

/** What only a store in a file of its own can be asked: see `conformance/power-cuts.ts`. */
export interface FileHooks {
  /**
   * Opens, one after the other, what power cuts within the last write would leave: the log cut at every boundary
   * within and in the midst of a piece. `mark` is taken before that write.
   */
  readonly cuts: (mark: number) => AsyncIterable<OpenedStore>;
  /** The length of the durable log now. */
  readonly mark: () => number;
}

export interface OpenedStore extends Partial<EngineHooks>, Partial<FileHooks> {
  readonly store: Store;
  /** Closes the store; the data go with the last of the stores that were opened on them. */
  readonly discard: () => Promise<void>;
}
