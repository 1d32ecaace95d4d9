import type { Store } from "../store/store.ts";

/** What of a store's calls is watched. */
export interface StoreWatch {
  /** A verb that writes has worked; it may have found nothing to write. */
  wrote(): void;
  failed(error: unknown, verb: "read" | "write"): void;
}

/** The same store; what its calls say of whether it can be reached is told to `watch` first. */
export function observedStore(store: Store, watch: StoreWatch): Store {
  const observe =
    (kind: "read" | "write") =>
    <Args extends unknown[], Answer>(verb: (...args: Args) => Promise<Answer>) =>
    async (...args: Args): Promise<Answer> => {
      try {
        const answer = await verb.apply(store, args);
        // A store that can be read alone renews no session.
        if (kind === "write") watch.wrote();
        return answer;
      } catch (error) {
        watch.failed(error, kind);
        throw error;
      }
    };
  const read = observe("read");
  const write = observe("write");
  return {
    description: store.description,
    commit: write(store.commit),
    openSession: write(store.openSession),
    resumeSession: write(store.resumeSession),
    detachSession: write(store.detachSession),
    closeSession: write(store.closeSession),
    promote: write(store.promote),
    reap: write(store.reap),
    propagate: write(store.propagate),
    cascade: write(store.cascade),
    expand: write(store.expand),
    prune: write(store.prune),
    cancel: write(store.cancel),
    retry: write(store.retry),
    remove: write(store.remove),
    stage: write(store.stage),
    report: write(store.report),
    getJob: read(store.getJob),
    listJobs: read(store.listJobs),
    getChain: read(store.getChain),
    listChildResults: read(store.listChildResults),
    leasePrincipal: read(store.leasePrincipal),
    getStatuses: read(store.getStatuses),
    getQueue: read(store.getQueue),
    updateQueue: write(store.updateQueue),
    readTime: read(store.readTime),
    announce: (news) => store.announce(news),
    listen: (listener) => store.listen(listener),
    dump: read(store.dump),
    close: write(store.close),
  };
}
