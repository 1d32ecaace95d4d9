import type { TestServer } from "../../servers/test-server.ts";
import type { Crew } from "./crew.ts";
import type { LedgerWatch } from "./ledger-watch.ts";
import type { Progress } from "./progress.ts";
import type { Kill, PlannedKill } from "./schedule.ts";

/** No kill lands with fewer attempts running, by the ledgers. */
export const runningMin = 20;
/** Some may end between the look and the kill. */
const runningWanted = runningMin + 6;
const shareMax = 0.9;
const tickMs = 20;

interface Scene {
  readonly crew: Crew;
  readonly watch: LedgerWatch;
  readonly progress: Progress;
  /** What the brokers keep their jobs in, where that is a process of its own. */
  readonly database: TestServer | undefined;
}

/**
 * Carries out the kills, each as soon as its share of the jobs is terminal, enough attempts run, and an heir does where one is asked
 * for. Throws when the run is nearly over before all have landed.
 */
export async function carryOut(planned: readonly PlannedKill[], scene: Scene): Promise<readonly Kill[]> {
  const kills: Kill[] = [];
  for (const each of planned) {
    const victim = await moment(each, scene);
    const running = runningAll(scene).count;
    const share = scene.progress.share();
    const landed = await strike(each, victim, scene);
    kills.push(...landed);
    const [{ at, until, worker } = { at: 0, until: 0, worker: "" }] = landed;
    const heir = each.duringHeir ? ", an heir among them" : "";
    const back = worker === "" ? `, back after ${until - at} ms` : "";
    console.log(
      `kill ${kills.length}: ${worker || each.what} at ${(share * 100).toFixed(1)} % terminal, ${running} leases running${heir}${back}`,
    );
  }
  return kills;
}

/** Waits for the right moment; gives the worker to kill where one is to be. */
async function moment(planned: PlannedKill, scene: Scene) {
  const { crew, watch, progress } = scene;
  for (; ; await new Promise((resolve) => setTimeout(resolve, tickMs))) {
    if (progress.share() > shareMax)
      throw new Error(`the run was over before a kill of the ${planned.what} at ${planned.share}`);
    progress.throwIfStuck();
    crew.throwIfDeserted();
    if (progress.share() < planned.share) continue;
    watch.look();
    const all = runningAll(scene);
    if (all.count < runningWanted) continue;
    if (planned.what !== "worker") {
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

async function strike(
  { what, awayMs }: PlannedKill,
  victim: Crew["workers"][number] | undefined,
  { crew, database }: Scene,
): Promise<readonly Kill[]> {
  if (victim !== undefined) {
    const at = crew.killWorker(victim);
    return [{ what: "worker", at, worker: victim.name, until: at }];
  }
  if (what === "broker") return [{ what, at: await crew.killBroker(), worker: "", until: Date.now() }];
  if (database === undefined) throw new Error("this store has no server to kill");
  const at = Date.now();
  await database.kill();
  const between: Kill[] = [];
  if (what === "outage") {
    await pause(awayMs / 2);
    const [first] = crew.workers;
    // With it go the results that it could not hand in, so those jobs must run again.
    if (first !== undefined) {
      const killedAt = crew.killWorker(first);
      between.push({ what: "worker", at: killedAt, worker: first.name, until: killedAt });
    }
  }
  await pause(awayMs - (Date.now() - at));
  await database.restart();
  return [{ what, at, worker: "", until: Date.now() }, ...between];
}

function runningAll({ crew, watch }: Scene): { readonly count: number; readonly heirs: number } {
  const each = crew.workers.map((worker) => watch.running(worker.name));
  return {
    count: each.reduce((sum, { count }) => sum + count, 0),
    heirs: each.reduce((sum, { heirs }) => sum + heirs, 0),
  };
}

async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, ms)));
}
