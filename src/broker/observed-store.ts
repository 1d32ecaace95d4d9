import type { Store } from "../store/store.ts";

/** What of a store's calls is watched. */
export interface StoreWatch {
  reached(): void;
  failed(error: unknown): void;
}

/** The same store; each of its answers and failures is told to `watch` first. */
export function observedStore(store: Store, watch: StoreWatch): Store {
  const observe =
    <Args extends unknown[], Answer>(verb: (...args: Args) => Promise<Answer>) =>
    async (...args: Args): Promise<Answer> => {
      try {
        const answer = await verb.apply(store, args);
        watch.reached();
        return answer;
      } catch (error) {
        watch.failed(error);
        throw error;
      }
    };
  return {
    description: store.description,
    commit: observe(store.commit),
    openSession: observe(store.openSession),
    resumeSession: observe(store.resumeSession),
    detachSession: observe(store.detachSession),
    closeSession: observe(store.closeSession),
    promote: observe(store.promote),
    reap: observe(store.reap),
    propagate: observe(store.propagate),
    cascade: observe(store.cascade),
    getJob: observe(store.getJob),
    listJobs: observe(store.listJobs),
    getChain: observe(store.getChain),
    listChildResults: observe(store.listChildResults),
    getQueue: observe(store.getQueue),
    updateQueue: observe(store.updateQueue),
    dump: observe(store.dump),
    close: observe(store.close),
  };
}
