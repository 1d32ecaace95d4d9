import type { Command } from "./command.ts";
import type { Report } from "./sequence.ts";

/** What many sequences showed together. */
export interface Totals {
  sequences: number;
  commands: number;
  changes: number;
  crashPoints: number;
  cuts: number;
  readonly cutVerbs: Record<string, number>;
  /** All calls, by their verb. */
  readonly seenVerbs: Record<string, number>;
  readonly transitions: Record<string, number>;
  readonly evaluated: Record<string, number>;
  readonly failures: { readonly seed: number; readonly failure: string; readonly commands: readonly Command[] }[];
}

export function noTotals(): Totals {
  return {
    sequences: 0,
    commands: 0,
    changes: 0,
    crashPoints: 0,
    cuts: 0,
    cutVerbs: {},
    seenVerbs: {},
    transitions: {},
    evaluated: {},
    failures: [],
  };
}

export function addReport(totals: Totals, seed: number, report: Report): void {
  totals.sequences += 1;
  totals.commands += report.commands.length;
  totals.changes += report.changes;
  totals.crashPoints += report.crashPoints;
  totals.cuts += report.cuts;
  addCounts(totals.cutVerbs, report.cutVerbs);
  addCounts(totals.transitions, report.transitions);
  addCounts(totals.evaluated, report.evaluated);
  if (report.failure !== undefined) {
    totals.failures.push({ seed, failure: report.failure, commands: report.commands });
  }
}

export function addTotals(totals: Totals, more: Totals): void {
  totals.sequences += more.sequences;
  totals.commands += more.commands;
  totals.changes += more.changes;
  totals.crashPoints += more.crashPoints;
  totals.cuts += more.cuts;
  addCounts(totals.cutVerbs, more.cutVerbs);
  addCounts(totals.seenVerbs, more.seenVerbs);
  addCounts(totals.transitions, more.transitions);
  addCounts(totals.evaluated, more.evaluated);
  totals.failures.push(...more.failures);
}

export function addCounts(counts: Record<string, number>, more: Readonly<Record<string, number>>): void {
  for (const [key, count] of Object.entries(more)) counts[key] = (counts[key] ?? 0) + count;
}
