import { jobStates } from "../core/job.ts";
import type { DumpedJob, StoreDump } from "./dump.ts";
import { type InvariantOptions, viewOf } from "./dump-view.ts";
import { jobRules } from "./job-invariants.ts";

export interface InvariantReport {
  readonly violations: readonly string[];
  /** Per invariant, how often it was put to the test: with a true premise. */
  readonly evaluated: Readonly<Record<string, number>>;
}

/**
 * Checks what one dump can show of the invariants of the specification. Written from the specification alone: it shares no decision
 * with core or with a store, so that it can find both wrong.
 */
export function checkInvariants(dump: StoreDump, options: InvariantOptions = {}): InvariantReport {
  const view = viewOf(dump, options);
  const violations: string[] = [];
  const evaluated: Record<string, number> = {};
  for (const rule of jobRules) {
    const subjects = dump.jobs.filter((job) => rule.applies(job, view));
    evaluated[rule.name] = (evaluated[rule.name] ?? 0) + subjects.length;
    for (const job of subjects) if (!rule.holds(job, view)) violations.push(`${rule.name}: ${described(job)}`);
  }
  for (const [name, check] of dumpChecks) {
    const { count, wrong } = check(dump, options);
    evaluated[name] = count;
    for (const text of wrong) violations.push(`${name}: ${text}`);
  }
  return { violations, evaluated };
}

type DumpCheck = (
  dump: StoreDump,
  options: InvariantOptions,
) => { readonly count: number; readonly wrong: readonly string[] };

const dumpChecks: readonly (readonly [string, DumpCheck])[] = [
  [
    "I1 every acknowledged job is there",
    (dump, options) => {
      const present = new Set(dump.jobs.map((job) => job.id));
      const acknowledged = [...(options.acknowledged ?? [])];
      return { count: acknowledged.length, wrong: acknowledged.filter((id) => !present.has(id)) };
    },
  ],
  ["I3 a lease belongs to one job", (dump) => unique(dump.jobs.map((job) => job.leaseId))],
  ["I14 an id belongs to one job", (dump) => unique(dump.jobs.map((job) => job.id))],
  ["I14 a request id belongs to one job", (dump) => unique(dump.jobs.map((job) => job.requestId))],
  ["I8 kept counters equal a recount", recount],
];

function unique(values: readonly (string | undefined)[]): { count: number; wrong: string[] } {
  const present = values.filter((value) => value !== undefined);
  const seen = new Set<string>();
  const wrong = present.filter((value) => seen.size === seen.add(value).size);
  return { count: present.length, wrong };
}

function recount(dump: StoreDump): { count: number; wrong: string[] } {
  const counted = new Map<string, number>();
  for (const job of dump.jobs) {
    const key = `${job.queue} ${job.type} ${job.state}`;
    counted.set(key, (counted.get(key) ?? 0) + 1);
  }
  const wrong: string[] = [];
  for (const queue of dump.queues) {
    for (const lane of queue.lanes) {
      for (const state of jobStates) {
        const key = `${queue.name} ${lane.type} ${state}`;
        const kept = lane.counts[state] ?? 0;
        if (kept !== (counted.get(key) ?? 0)) wrong.push(`${key} is kept as ${kept}, counted ${counted.get(key) ?? 0}`);
        counted.delete(key);
      }
    }
  }
  return { count: dump.jobs.length, wrong: [...wrong, ...[...counted.keys()].map((key) => `${key} is not kept`)] };
}

function described(job: DumpedJob): string {
  const { id, state, hold, reason, run, role, pendingChildren, pendingHeirs, childrenNotOk, heirsNotOk } = job;
  const marks = { hold, reason, run, role, pendingChildren, pendingHeirs, childrenNotOk, heirsNotOk };
  return `job ${id} is ${state} ${JSON.stringify(marks)}`;
}
