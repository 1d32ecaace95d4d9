import type { Crew } from "./crew.ts";
import type { LedgerWatch } from "./ledger-watch.ts";
import type { Progress } from "./progress.ts";
import type { Kill, PlannedKill } from "./schedule.ts";

/** No kill lands with fewer attempts running, by the ledgers. */
export const runningMin = 20;
const shareMax = 0.9;
const tickMs = 20;

/**
 * Carries out the kills, each as soon as its share of the jobs is terminal, enough attempts run, and an heir does where one is asked
 * for. Throws when the run is nearly over before all have landed.
 */
export async function carryOut(
  planned: readonly PlannedKill[],
  { crew, watch, progress }: { readonly crew: Crew; readonly watch: LedgerWatch; readonly progress: Progress },
): Promise<readonly Kill[]> {
  const kills: Kill[] = [];
  for (const each of planned) {
    const victim = await moment(each, { crew, watch, progress });
    const running = runningAll(crew, watch).count;
    const share = progress.share();
    const worker = victim?.name ?? "";
    const at = victim === undefined ? await crew.killBroker() : crew.killWorker(victim);
    kills.push({ what: each.what, at, worker });
    const heir = each.duringHeir ? ", an heir among them" : "";
    const back = victim === undefined ? `, back after ${Date.now() - at} ms` : "";
    console.log(
      `kill ${kills.length}/${planned.length}: ${worker || "broker"} at ${(share * 100).toFixed(1)} % terminal, ${running} leases running${heir}${back}`,
    );
  }
  return kills;
}

/** Waits for the right moment; gives the worker to kill, undefined for the broker. */
async function moment(
  planned: PlannedKill,
  { crew, watch, progress }: { readonly crew: Crew; readonly watch: LedgerWatch; readonly progress: Progress },
) {
  for (; ; await new Promise((resolve) => setTimeout(resolve, tickMs))) {
    if (progress.share() > shareMax)
      throw new Error(`the run was over before a kill of the ${planned.what} at ${planned.share}`);
    progress.throwIfStuck();
    if (progress.share() < planned.share) continue;
    watch.look();
    const all = runningAll(crew, watch);
    if (all.count < runningMin) continue;
    if (planned.what === "broker") {
      if (!planned.duringHeir || all.heirs > 0) return undefined;
      continue;
    }
    const [victim] = crew.workers
      .map((worker) => ({ worker, ...watch.running(worker.name) }))
      .filter(({ count, heirs }) => count > 0 && (!planned.duringHeir || heirs > 0))
      .sort((one, other) => other.count - one.count);
    if (victim !== undefined) return victim.worker;
  }
}

function runningAll(crew: Crew, watch: LedgerWatch): { readonly count: number; readonly heirs: number } {
  const each = crew.workers.map((worker) => watch.running(worker.name));
  return {
    count: each.reduce((sum, { count }) => sum + count, 0),
    heirs: each.reduce((sum, { heirs }) => sum + heirs, 0),
  };
}
