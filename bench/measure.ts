import type { Role, Stage } from "./stage.ts";

/** What one round of a scenario came to. */
export interface Round {
  /** Jobs a second, where the scenario is about that. */
  readonly rate?: number;
  /** Milliseconds, where it is about waits. */
  readonly waits?: Waits;
  readonly jobs: number;
  /** CPU time for each job, by process, in µs. */
  readonly cpuUs: Readonly<Record<Role, number>>;
  readonly peakBytes: number;
}

interface Waits {
  readonly startP50: number;
  readonly startP99: number;
  readonly resultP50: number;
  readonly resultP99: number;
}

/** CPU time for each of `jobs` that the processes used while `work` ran. */
export async function withCpu<T>(
  stage: Stage,
  jobs: number,
  work: () => Promise<T>,
): Promise<{ readonly value: T; readonly cpuUs: Readonly<Record<Role, number>> }> {
  const before = stage.cpuMs();
  const value = await work();
  const after = stage.cpuMs();
  const used = (role: Role) => ((after[role] - before[role]) * 1_000) / jobs;
  return { value, cpuUs: byRole(used) };
}

/** Round by round the same fields; the median of each on its own. */
export function medianRound(rounds: readonly Round[]): Round {
  const of = (pick: (round: Round) => number | undefined) => median(rounds.map((round) => pick(round) ?? Number.NaN));
  const [first] = rounds;
  if (first === undefined) throw new Error("no rounds");
  const cpu = (role: Role) => of((round) => round.cpuUs[role]);
  return {
    ...(first.rate === undefined ? {} : { rate: of((round) => round.rate) }),
    ...(first.waits === undefined
      ? {}
      : {
          waits: {
            startP50: of((round) => round.waits?.startP50),
            startP99: of((round) => round.waits?.startP99),
            resultP50: of((round) => round.waits?.resultP50),
            resultP99: of((round) => round.waits?.resultP99),
          },
        }),
    jobs: first.jobs,
    cpuUs: byRole(cpu),
    peakBytes: of((round) => round.peakBytes),
  };
}

function byRole(of: (role: Role) => number): Readonly<Record<Role, number>> {
  return { producer: of("producer"), broker: of("broker"), worker: of("worker"), store: of("store") };
}

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The value below which this share of all values lies (nearest rank). */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
