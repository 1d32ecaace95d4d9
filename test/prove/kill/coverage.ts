import { AttemptOutcome, JobState } from "../../../gen/conveyor/v1/job_pb.ts";
import { timeOf } from "./check-chains.ts";
import { enumName } from "./enum-name.ts";
import type { Evidence } from "./evidence.ts";
import { runningMin } from "./executioner.ts";
import { grouped } from "./grouped.ts";
import { type Kill, type KillKind, outageMs } from "./schedule.ts";

/** What the run was made of: figures to print, and where it was too little to prove anything. */
export interface Coverage {
  readonly figures: readonly string[];
  readonly shortfalls: readonly string[];
}

/** Judged by ledgers and store after the run, not by what was believed while it ran. */
export function coverageOf(
  evidence: Evidence,
  { runMs, hasDatabase }: { readonly runMs: number; readonly hasDatabase: boolean },
): Coverage {
  const jobs = [...evidence.jobs.values()];
  const lines = [...evidence.starts.values()].flat();
  const ends = new Map(
    [...evidence.ends.values()].flat().map((end) => [`${end.jobId} ${end.attempt} ${end.worker}`, end.at]),
  );
  const killedAt = new Map(evidence.kills.map((kill) => [kill.worker, kill.at]));
  const outages = evidence.kills.filter((kill) => kill.what === "outage");
  const inOutage = (kill: Kill) => outages.some((each) => each.at < kill.at && kill.at < each.until);
  const atKills = evidence.kills.map((kill) => {
    const running = lines.filter((start) => {
      const end = ends.get(`${start.jobId} ${start.attempt} ${start.worker}`) ?? Number.POSITIVE_INFINITY;
      return start.at <= kill.at && end > kill.at && (killedAt.get(start.worker) ?? kill.at) >= kill.at;
    });
    return {
      kill,
      running: running.length,
      heirs: running.filter((start) => start.heir && (kill.worker === "" || kill.worker === start.worker)).length,
      share: jobs.filter((job) => timeOf(job.finishTime) <= kill.at).length / jobs.length,
    };
  });
  const deep = new Set(jobs.filter((job) => job.depth >= 2 && job.attempt > 0).map((job) => job.rootId));
  const count = (what: KillKind) => atKills.filter(({ kill }) => kill.what === what).length;
  // While the database is away hardly anything runs: that kill is for what waits to be handed in.
  const leastRunning = Math.min(...atKills.filter(({ kill }) => !inOutage(kill)).map(({ running }) => running));
  const longestMs = Math.max(0, ...outages.map((each) => each.until - each.at));
  const shares = atKills.map(({ share }) => share);
  const withHeir = atKills.filter(({ heirs }) => heirs > 0).length;
  const attempts = jobs.flatMap((job) => job.attempts);
  const outcomes = [...grouped(attempts, (attempt) => enumName(AttemptOutcome, attempt.outcome))];
  const states = [
    ...grouped(jobs, (job) => `${enumName(JobState, job.state)}${job.reason === "" ? "" : ` ${job.reason}`}`),
  ];
  const demands: readonly (readonly [met: boolean, text: string])[] = [
    [count("broker") >= 5, `${count("broker")} kills of brokers, 5 are needed`],
    [count("worker") >= 10, `${count("worker")} kills of workers, 10 are needed`],
    [!hasDatabase || count("database") >= 10, `${count("database")} kills of the database, 10 are needed`],
    [!hasDatabase || longestMs >= outageMs, `the longest outage took ${longestMs} ms, ${outageMs} are needed`],
    [leastRunning >= runningMin, `${leastRunning} leases running at a kill, ${runningMin} are needed`],
    [shares.every((share) => share >= 0.1 && share <= 0.9), "a kill landed outside 10 to 90 % terminal"],
    [withHeir > 0, "no kill landed while an heir ran"],
    [runMs >= 60_000, `the run took ${Math.round(runMs / 1_000)} s, 60 are needed`],
    [jobs.length >= 5_000, `${jobs.length} jobs, 5,000 are needed`],
    [deep.size >= 200, `${deep.size} chains of three levels, 200 are needed`],
  ];
  return {
    figures: [
      `jobs ${jobs.length}, of them roots ${evidence.intents.length}; chains of three levels or more ${deep.size}; attempts ${attempts.length}; starts in ledgers ${lines.length}, outcomes refused ${evidence.refusals.length}`,
      `kills of brokers ${count("broker")}, workers ${count("worker")}, the database ${count("database")}; outages ${outages.map((each) => `${((each.until - each.at) / 1_000).toFixed(1)} s`).join(", ") || "none"}`,
      `kills at ${shares.map((share) => `${(share * 100).toFixed(0)} %`).join(" ")} terminal; leases running at them ${atKills.map(({ running }) => running).join(" ")}; while an heir ran ${withHeir}`,
      `states: ${states.map(([name, of]) => `${name} ${of.length}`).join(", ")}`,
      `attempts: ${outcomes.map(([name, of]) => `${name} ${of.length}`).join(", ")}`,
    ],
    shortfalls: demands.filter(([met]) => !met).map(([, text]) => text),
  };
}
