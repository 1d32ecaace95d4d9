import type { Job } from "../../../gen/conveyor/v1/job_pb.ts";
import type { JobSummary } from "../../core/job.ts";
import type { JobId } from "../../core/names.ts";
import { sleep } from "../../runtime/abort.ts";
import { turnOfEventLoop } from "../../runtime/deferred.ts";
import { createTurns } from "../../runtime/turns.ts";
import type { LookSchedule } from "../look-schedule.ts";
import { chainPages, eventJobs } from "./chain-pages.ts";
import { goneVersion, overlapMs, type WatchContext, type Watcher } from "./watch-context.ts";

/**
 * Chains that are watched. What changed since the last look is read once for all who watch a chain; who comes, and who falls
 * behind, reads for itself at the pace at which it takes it, and joins the others after that.
 */
export interface WatchedChains {
  add(rootId: JobId, watcher: Watcher): void;
  remove(rootId: JobId, watcher: Watcher): void;
  /** Looks at a chain now, and answers how many ms its reads took; throws what the store throws. */
  look(rootId: JobId): Promise<number>;
  /** All that changed before this was put into the watcher's box, in ms on the store's clock; undefined: not all has been read yet. */
  coveredMs(rootId: JobId, watcher: Watcher): number | undefined;
}

interface Viewer {
  coveredMs: number | undefined;
  /** It reads for itself. */
  behind: boolean;
  /** Something that a look found was not put into its box. */
  missed: boolean;
}

interface Chain {
  readonly viewers: Map<Watcher, Viewer>;
  /** When the last look began; undefined before anyone has begun to read. */
  lookedMs: number | undefined;
  deepLookedMs: number;
  /** What the last looks found: they overlap. No more of it than is needed, since it may be the whole chain. */
  readonly told: Map<JobId, Pick<JobSummary, "version" | "updatedAt">>;
  gone: boolean;
}

/** Most looks reach back only so far, and one now and then as far as any transaction may take. */
const shortOverlapMs = 2_000;
const deepEveryMs = 10_000;
/** Whoever has so many jobs waiting is behind. */
const waitingMax = 2_000;
/** Looks take at most this part of the time. */
const restFactor = 10;
const retryMs = 500;

export function createWatchedChains(
  context: WatchContext & { readonly schedule: LookSchedule<JobId>; readonly onFailed: (error: unknown) => void },
): WatchedChains {
  const { store, clock, schedule, signal } = context;
  const chains = new Map<JobId, Chain>();
  const turns = createTurns(1);

  function follow(rootId: JobId, chain: Chain, watcher: Watcher, viewer: Viewer): void {
    const here = () => chain.viewers.get(watcher) === viewer && !signal.aborted;
    const readAll = async () => {
      viewer.missed = false;
      const startedMs = await store.readTime();
      chain.lookedMs ??= startedMs;
      const since = viewer.coveredMs === undefined ? undefined : viewer.coveredMs - overlapMs;
      const pages = chainPages(context, rootId, since);
      for (;;) {
        const page = await turns(() => politely(() => pages.next()));
        if (page.done) break;
        const jobs = await eventJobs(context, page.value);
        for (const [index, job] of page.value.entries()) watcher.box.put(job.id, job.version, jobs[index]);
        await watcher.box.room();
        if (!here()) return;
      }
      viewer.coveredMs = startedMs;
    };
    const run = async () => {
      viewer.behind = true;
      while (here() && viewer.behind) {
        try {
          await readAll();
          viewer.behind = viewer.missed;
        } catch (error) {
          if (!here()) return;
          context.onFailed(error);
          await sleep(retryMs, signal).catch(() => undefined);
        }
      }
    };
    void run();
  }

  /** Leaves others as much time as it took. */
  async function politely<T>(read: () => Promise<T>): Promise<T> {
    const startedAt = clock.elapsed();
    const answer = await read();
    await sleep(clock.elapsed() - startedAt, signal);
    return answer;
  }

  async function look(rootId: JobId): Promise<number> {
    const chain = chains.get(rootId);
    if (chain?.lookedMs === undefined) return 0;
    const startedMs = await store.readTime();
    const deep = startedMs - chain.deepLookedMs >= deepEveryMs;
    const pages = chainPages(context, rootId, chain.lookedMs - (deep ? overlapMs : shortOverlapMs));
    let readMs = 0;
    for (;;) {
      const startedAt = clock.elapsed();
      const page = await pages.next();
      readMs += clock.elapsed() - startedAt;
      schedule.rest(rootId, restFactor * readMs);
      if (page.done) break;
      const fresh = page.value.filter((job) => chain.told.get(job.id)?.version !== job.version);
      if (fresh.length > 0) schedule.soon(rootId);
      const jobs = await eventJobs(context, fresh);
      for (const [index, job] of fresh.entries()) tell(rootId, chain, job, jobs[index]);
      // The boxes are emptied meanwhile, and everyone else has a turn.
      await turnOfEventLoop();
    }
    if (deep) await lookForEnd(rootId, chain);
    chain.lookedMs = startedMs;
    if (deep) chain.deepLookedMs = startedMs;
    for (const [id, { updatedAt }] of chain.told) if (updatedAt < startedMs - overlapMs) chain.told.delete(id);
    for (const viewer of chain.viewers.values()) if (!viewer.behind) viewer.coveredMs = startedMs;
    return readMs;
  }

  function tell(rootId: JobId, chain: Chain, job: JobSummary, shown: Job | undefined): void {
    chain.told.set(job.id, { version: job.version, updatedAt: job.updatedAt });
    for (const [watcher, viewer] of chain.viewers) {
      if (watcher.box.waiting < waitingMax) watcher.box.put(job.id, job.version, shown);
      else {
        viewer.missed = true;
        if (!viewer.behind) follow(rootId, chain, watcher, viewer);
      }
    }
  }

  async function lookForEnd(rootId: JobId, chain: Chain): Promise<void> {
    const [root] = await store.getStatuses([rootId]);
    if (chain.gone === (root === undefined)) return;
    chain.gone = root === undefined;
    if (chain.gone) for (const { box } of chain.viewers.keys()) box.put(rootId, goneVersion, undefined);
  }

  return {
    add(rootId, watcher) {
      const chain = chains.get(rootId) ?? newChain();
      const viewer = { coveredMs: watcher.knownMs, behind: true, missed: false };
      chains.set(rootId, chain);
      chain.viewers.set(watcher, viewer);
      schedule.soon(rootId);
      follow(rootId, chain, watcher, viewer);
    },
    remove(rootId, watcher) {
      const chain = chains.get(rootId);
      if (chain?.viewers.delete(watcher) !== true || chain.viewers.size > 0) return;
      chains.delete(rootId);
      schedule.remove(rootId);
    },
    look,
    coveredMs(rootId, watcher) {
      return chains.get(rootId)?.viewers.get(watcher)?.coveredMs;
    },
  };
}

function newChain(): Chain {
  return { viewers: new Map(), lookedMs: undefined, deepLookedMs: 0, told: new Map(), gone: false };
}
