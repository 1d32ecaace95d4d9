import type { JobId } from "../../src/core/names.ts";
import type { Store, StoreOptions } from "../../src/store/store.ts";

/** A way to keep jobs, as the suite sees it: one file below `engines/` each. */
export interface Engine {
  readonly name: string;
  /** Opens an empty store of its own. */
  open(options: StoreOptions): Promise<OpenedStore>;
  /** What it cannot do, each with the reason that is printed for the cases skipped. */
  readonly lacks: { readonly [Need in EngineNeed]?: string };
}

export type EngineNeed = keyof EngineHooks;

/** What a case may ask of an engine beyond the contract. */
export interface EngineHooks {
  /** Opens what a power cut at this moment would leave, as a store of its own. */
  readonly crash: () => Promise<OpenedStore>;
  /**
   * Opens, one after the other, what power cuts within the last write would leave: the log cut at every boundary
   * within and in the midst of a piece. `mark` is taken before that write.
   */
  readonly cuts: (mark: number) => AsyncIterable<OpenedStore>;
  /** The length of the durable log now. */
  readonly mark: () => number;
  /** Takes a job away behind the store's back, as an operator at a SQL prompt would. */
  readonly removeJob: (id: JobId) => Promise<void>;
  /** Opens the same data once more, as another broker would: with the same options, discarded before the first one is. */
  readonly second: () => Promise<OpenedStore>;
}

export interface OpenedStore extends Partial<EngineHooks> {
  readonly store: Store;
  /** Closes the store and removes what it kept. */
  readonly discard: () => Promise<void>;
}
