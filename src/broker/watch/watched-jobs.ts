import type { JobId } from "../../core/names.ts";
import type { LookSchedule } from "../look-schedule.ts";
import { goneVersion, overlapMs, type ReadJob, readJobs, type WatchContext, type Watcher } from "./watch-context.ts";

/** Jobs that are watched by id: each is looked at for all who watch it, and read when one of them has an older version. */
export interface WatchedJobs {
  add(ids: readonly JobId[], watcher: Watcher): void;
  remove(ids: readonly JobId[], watcher: Watcher): void;
  /** Looks at these now, at most 1,000; throws what the store throws. */
  look(ids: readonly JobId[]): Promise<void>;
  /** All that changed before this was put into the boxes of who watches these jobs, in ms on the store's clock; undefined: not every one was looked at. */
  coveredMs(ids: readonly JobId[]): number | undefined;
}

interface Watched {
  /** The version that each of them was sent. */
  readonly versions: Map<Watcher, number | undefined>;
  coveredMs: number | undefined;
}

export function createWatchedJobs(context: WatchContext & { readonly schedule: LookSchedule<JobId> }): WatchedJobs {
  const { store, schedule } = context;
  const jobs = new Map<JobId, Watched>();

  function isStale(id: JobId, version: number): boolean {
    for (const seen of jobs.get(id)?.versions.values() ?? []) if (seen !== version) return true;
    return false;
  }

  function tell(id: JobId, job: ReadJob | undefined): void {
    const watched = jobs.get(id);
    if (watched === undefined) return;
    const version = job?.version ?? goneVersion;
    for (const [watcher, seen] of watched.versions) {
      if (seen === version || !watcher.admits(job)) continue;
      watched.versions.set(watcher, version);
      const known = seen === undefined && job !== undefined && job.updatedAt < (watcher.knownMs ?? 0) - overlapMs;
      if (!known) watcher.box.put(id, version, job?.shown);
    }
    if (job !== undefined) schedule.soon(id);
  }

  return {
    add(ids, watcher) {
      for (const id of ids) {
        const watched = jobs.get(id) ?? { versions: new Map(), coveredMs: undefined };
        jobs.set(id, watched);
        watched.versions.set(watcher, undefined);
        watched.coveredMs = undefined;
        schedule.soon(id);
        schedule.now(id);
      }
    },
    remove(ids, watcher) {
      for (const id of ids) {
        const watched = jobs.get(id);
        if (watched?.versions.delete(watcher) !== true || watched.versions.size > 0) continue;
        jobs.delete(id);
        schedule.remove(id);
      }
    },
    async look(ids) {
      const startedMs = await store.readTime();
      const statuses = await store.getStatuses(ids);
      const stale = ids.filter((id, index) => isStale(id, statuses[index]?.version ?? goneVersion));
      const read = await readJobs(context, stale);
      for (const [index, id] of stale.entries()) tell(id, read[index]);
      for (const id of ids) {
        const watched = jobs.get(id);
        // Whoever came meanwhile was perhaps not told.
        if (watched !== undefined && ![...watched.versions.values()].includes(undefined)) watched.coveredMs = startedMs;
      }
    },
    coveredMs(ids) {
      let covered = Number.POSITIVE_INFINITY;
      for (const id of ids) covered = Math.min(covered, jobs.get(id)?.coveredMs ?? Number.NEGATIVE_INFINITY);
      return Number.isFinite(covered) ? covered : undefined;
    },
  };
}
