import type { News } from "../effects.ts";
import { Tables } from "./tables.ts";

type Listener = (news: News | undefined) => void;

/** What memory stores share that stand for several brokers' handles on one store. */
export interface MemoryData {
  readonly tables: Tables;
  /** The latest time that any of them told. */
  now: number;
  /** Tells the listeners of all others, in a later turn. */
  spread(news: News, own: ReadonlySet<Listener>): void;
  /** Adds a listener to a store's `own`; the answer takes it away. */
  listen(listener: Listener, own: Set<Listener>): () => void;
  /** The store is closed. */
  leave(own: Set<Listener>): void;
}

export function createMemoryData(): MemoryData {
  const all = new Set<Set<Listener>>();
  return {
    tables: new Tables(),
    now: 0,
    spread(news, own) {
      const others = [...all].filter((each) => each !== own);
      if (others.length === 0) return;
      setImmediate(() => {
        for (const listeners of others) for (const listener of listeners) listener(news);
      });
    },
    listen(listener, own) {
      all.add(own);
      own.add(listener);
      return () => {
        own.delete(listener);
      };
    },
    leave(own) {
      own.clear();
      all.delete(own);
    },
  };
}
