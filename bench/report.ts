import type { Machine } from "./machine.ts";
import type { Round } from "./measure.ts";
import { roles } from "./stage.ts";

/** A scenario's rounds and their median. */
export interface Outcome {
  readonly name: string;
  readonly median: Round;
  readonly rounds: readonly Round[];
}

/** Jobs a second that milestone 1 asks of SQLite on two cores; half of it is never missed. Printed, and no reason to fail. */
const sqliteFloors: Readonly<Record<string, number>> = { drain: 12_000, chains: 6_000 };
/** How each store keeps what it acknowledges. */
const durability: Readonly<Record<string, string>> = {
  sqlite: "SQLite at FULL",
  postgres: "PostgreSQL with synchronous_commit and fsync on",
  redis: "Redis with appendfsync always",
};

/** The outcomes as lines for people. */
export function reportLines(store: string, machine: Machine, outcomes: readonly Outcome[]): readonly string[] {
  const { cpu, cores, memoryGb, system, node, fdatasyncMs } = machine;
  return [
    `${cpu}, ${cores} cores, ${memoryGb} GB, ${system}, Node ${node}; 4 KiB fdatasync ${fdatasyncMs.toFixed(2)} ms; ${durability[store] ?? store}`,
    ...outcomes.flatMap(({ name, median, rounds }) => [
      `${name.padEnd(8)} ${figure(median)}`,
      `         CPU per job ${roles.map((role) => `${role} ${median.cpuUs[role].toFixed(1)} µs`).join(", ")}; broker's peak memory ${(median.peakBytes / 2 ** 20).toFixed(0)} MB`,
      `         ${rounds.length} rounds: ${rounds.map(shortFigure).join(", ")}${store === "sqlite" ? floorText(name, median) : ""}`,
    ]),
  ];
}

function figure({ rate, waits, jobs }: Round): string {
  if (waits === undefined) return `${Math.round(rate ?? 0)} jobs/s (${jobs} jobs)`;
  const { startP50, startP99, resultP50, resultP99 } = waits;
  const ms = (value: number) => value.toFixed(2);
  return `enqueue to start p50 ${ms(startP50)} p99 ${ms(startP99)} ms; to result p50 ${ms(resultP50)} p99 ${ms(resultP99)} ms (${jobs} jobs)`;
}

function shortFigure({ rate, waits }: Round): string {
  return waits === undefined
    ? String(Math.round(rate ?? 0))
    : `${waits.startP50.toFixed(2)}/${waits.startP99.toFixed(2)}`;
}

function floorText(name: string, { rate = 0 }: Round): string {
  const floor = sqliteFloors[name];
  return floor === undefined
    ? ""
    : `; floor ${floor}: ${rate >= floor ? "met" : rate >= floor / 2 ? "not met, above half" : "not met, below half"}`;
}
