import { ConveyorError } from "../../core/errors.ts";
import type { JobId } from "../../core/names.ts";
import { sleep } from "../../runtime/abort.ts";
import type { Clock } from "../../runtime/clock.ts";
import { createLoop, type Loop } from "../../runtime/loop.ts";
import { type Service, together } from "../../runtime/service.ts";
import { createTurns } from "../../runtime/turns.ts";
import type { Watched } from "../../wire/watch-request.ts";
import { createLookSchedule } from "../look-schedule.ts";
import type { MaintenanceContext } from "../maintenance/context.ts";
import type { Watcher } from "./watch-context.ts";
import { createWatchedChains } from "./watched-chains.ts";
import { createWatchedJobs } from "./watched-jobs.ts";

/** All that is watched on a broker, and the looks at it. */
export interface Watches extends Service {
  /** Throws SERVER_BUSY. */
  add(watched: Watched, watcher: Watcher): void;
  remove(watched: Watched, watcher: Watcher): void;
  /** All that changed before this was put into the watcher's box, in ms on the store's clock; undefined: it knows nothing for sure. */
  coveredMs(watched: Watched, watcher: Watcher): number | undefined;
  /** These jobs have changed; undefined: any may have. */
  hint(ids: readonly JobId[] | undefined): void;
}

const watchersMax = 2_000;
const watchedMax = 200_000;
const idsPerLookMax = 1_000;
const readsAtOnce = 16;

export function createWatches(
  context: MaintenanceContext & { readonly clock: Clock; readonly signal: AbortSignal },
): Watches {
  const { store, clock, intervals, logger, signal } = context;
  const { lookMs } = intervals;
  const watching = { store, clock, signal, reads: createTurns(readsAtOnce) };
  const jobSchedule = createLookSchedule<JobId>({ clock, lookMs, onDueIn: (ms) => jobLoop.wakeIn(ms) });
  const chainSchedule = createLookSchedule<JobId>({ clock, lookMs, onDueIn: (ms) => chainLoop.wakeIn(ms) });
  const jobs = createWatchedJobs({ ...watching, schedule: jobSchedule });
  const chains = createWatchedChains({
    ...watching,
    schedule: chainSchedule,
    onFailed: (error) => logger.warn("a watched chain was not read", { error }),
  });
  let watchers = 0;
  let watched = 0;

  const loop = (name: string, run: Parameters<typeof createLoop>[0]["run"]): Loop =>
    createLoop({ name, run, intervalMs: intervals.pollMs, logger, random: context.ids.random });
  const jobLoop = loop("job watch", async () => {
    const due = jobSchedule.due();
    for (let first = 0; first < due.length; first += idsPerLookMax)
      await jobs.look(due.slice(first, first + idsPerLookMax));
    return jobSchedule.nextInMs();
  });
  const chainLoop = loop("chain watch", async () => {
    const due = chainSchedule.due();
    for (const rootId of due) {
      const readMs = await chains.look(rootId);
      // Many chains together leave others as much time as they take.
      if (due.length > 1) await sleep(readMs, signal);
    }
    return chainSchedule.nextInMs();
  });

  return {
    ...together([jobLoop, chainLoop]),
    add(what, watcher) {
      const count = what.kind === "jobs" ? what.ids.length : 1;
      if (watchers >= watchersMax || watched + count > watchedMax) throw busy();
      watchers += 1;
      watched += count;
      if (what.kind === "jobs") jobs.add(what.ids, watcher);
      else chains.add(what.rootId, watcher);
    },
    remove(what, watcher) {
      watchers -= 1;
      watched -= what.kind === "jobs" ? what.ids.length : 1;
      if (what.kind === "jobs") jobs.remove(what.ids, watcher);
      else chains.remove(what.rootId, watcher);
    },
    coveredMs: (what, watcher) =>
      what.kind === "jobs" ? jobs.coveredMs(what.ids) : chains.coveredMs(what.rootId, watcher),
    hint(ids) {
      if (ids === undefined) jobSchedule.allNow();
      else for (const id of ids) jobSchedule.now(id);
      // Nobody says of which chain a job is.
      if (ids === undefined || ids.length > 0) chainSchedule.allNow();
    },
  };
}

function busy(): ConveyorError {
  return new ConveyorError("SERVER_BUSY", "too much is watched on this broker already; try again a little later", {
    details: { retryAfterMs: 1_000 },
  });
}
