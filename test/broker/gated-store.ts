import { ConveyorError, type ErrorCode } from "../../src/core/errors.ts";
import { serverDefaults } from "../../src/core/job.ts";
import type { CommitBatch } from "../../src/store/commit.ts";
import { openMemoryStore } from "../../src/store/memory/store.ts";
import type { Store } from "../../src/store/store.ts";

/** Holds back one commit of a kind. */
export interface Gate {
  hold(which: (batch: CommitBatch) => boolean): void;
  /** Resolves with the batch once it is held. */
  held(): Promise<CommitBatch>;
  go(): void;
}

/** A memory store with a gate before its commits. */
export async function gatedStore(): Promise<{ readonly store: Store; readonly gate: Gate }> {
  const inner = await openMemoryStore({ defaults: serverDefaults });
  let wanted: ((batch: CommitBatch) => boolean) | undefined;
  let onHeld: (batch: CommitBatch) => void = () => undefined;
  let go: () => void = () => undefined;
  let held = new Promise<CommitBatch>(() => undefined);
  const store: Store = {
    ...inner,
    async commit(batch) {
      if (wanted?.(batch)) {
        wanted = undefined;
        const opened = new Promise<void>((resolve) => {
          go = resolve;
        });
        onHeld(batch);
        await opened;
      }
      return inner.commit(batch);
    },
  };
  const gate: Gate = {
    hold(which) {
      held = new Promise((resolve) => {
        onHeld = resolve;
      });
      wanted = which;
    },
    held: () => held,
    go: () => go(),
  };
  return { store, gate };
}

interface Outage {
  /** What verbs throw. */
  code: ErrorCode | undefined;
  /** Only commits throw: reads go on, and upkeep that finds nothing to do, as with a full disk. */
  commitsOnly: boolean;
}

/** A memory store that can be taken away: while `outage` holds a code, every verb throws it. */
export async function failingStore(options: { readonly clock?: () => number } = {}): Promise<{
  readonly store: Store;
  readonly outage: Outage;
}> {
  const inner = await openMemoryStore({ defaults: serverDefaults, ...options });
  const outage: Outage = { code: undefined, commitsOnly: false };
  const guarded =
    <Args extends unknown[], Answer>(verb: (...args: Args) => Promise<Answer>) =>
    async (...args: Args): Promise<Answer> => {
      const spared = outage.commitsOnly && verb !== (inner.commit as unknown);
      if (outage.code !== undefined && !spared) {
        throw new ConveyorError(outage.code, "the store was taken away by a test");
      }
      return verb(...args);
    };
  const store: Store = {
    ...inner,
    commit: guarded(inner.commit),
    openSession: guarded(inner.openSession),
    resumeSession: guarded(inner.resumeSession),
    detachSession: guarded(inner.detachSession),
    closeSession: guarded(inner.closeSession),
    promote: guarded(inner.promote),
    reap: guarded(inner.reap),
    propagate: guarded(inner.propagate),
    cascade: guarded(inner.cascade),
    getJob: guarded(inner.getJob),
    leasePrincipal: guarded(inner.leasePrincipal),
    getStatuses: guarded(inner.getStatuses),
    readTime: guarded(inner.readTime),
    getQueue: guarded(inner.getQueue),
  };
  return { store, outage };
}
