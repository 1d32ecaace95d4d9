import { isTerminal } from "../../../src/core/job.ts";
import type { JobId } from "../../../src/core/names.ts";
import type { Transition } from "../../../src/core/transition.ts";
import type { StoreDump } from "../../../src/store/dump.ts";
import { checkInvariants } from "../../../src/store/invariants.ts";
import { openMemoryStore } from "../../../src/store/memory/store.ts";
import { checkStep, type LeaseLedger } from "../../../src/store/step-invariants.ts";
import type { Engine, OpenedStore } from "../engine.ts";
import type { Command } from "./command.ts";
import { difference, dumpDifference, staleVersion } from "./difference.ts";
import type { FaultyEngine } from "./fault.ts";
import { perform, type Side, sideOf } from "./perform.ts";
import { newView, see, type View } from "./view.ts";

/** Short, so that chains are pruned within a sequence; the dead longest, so that they can be retried. */
export const retention = { completedMs: 3_000, cancelledMs: 2_000, deadMs: 20_000 } as const;

/** What the stores of the proof run with: small budgets, so that every limit is met often. */
export const defaults = {
  maxAttempts: 2,
  backoff: { kind: "EXPONENTIAL", initialMs: 100, maxMs: 1_000, multiplier: 2, jitter: 1 },
  timeoutMs: 60_000,
  crashLimit: 1,
} as const;

export interface Sequence {
  readonly engine: Engine;
  /** Does the faults of commands that name one. */
  readonly faulty?: FaultyEngine | undefined;
  /** The next command in the state that the model is in; undefined: the end. */
  readonly next: (view: View) => Command | undefined;
  /** Compare the dumps after every so many commands, and after the last. */
  readonly dumpEvery: number;
  /** At the end everything has to be terminal (I17). */
  readonly drained: boolean;
}

/** What one sequence showed. */
export interface Report {
  readonly commands: readonly Command[];
  /** Commands that changed the state. */
  readonly changes: number;
  /** Commands within which the power was cut, and the cuts that were looked at. */
  readonly crashPoints: number;
  readonly cuts: number;
  /** Verbs within which a connection was cut, and by the moment of the cut. */
  readonly cutVerbs: Readonly<Record<string, number>>;
  /** By `from move to`. */
  readonly transitions: Readonly<Record<string, number>>;
  /** By invariant, evaluations with a true premise. */
  readonly evaluated: Readonly<Record<string, number>>;
  readonly failure: string | undefined;
}

/** Plays commands on the model and on the engine's store in lockstep, until they end or something is wrong. */
export async function playSequence(sequence: Sequence): Promise<Report> {
  const run = await startRun(sequence);
  let failure: string | undefined;
  try {
    failure = await playAll(run, sequence);
  } catch (thrown) {
    failure = `thrown: ${thrown instanceof Error ? thrown.stack : String(thrown)}`;
  }
  run.faulty?.disarm();
  await run.model.store.close();
  await run.opened.discard();
  const at = failure === undefined ? undefined : `command ${run.commands.length}: ${failure}`;
  const { commands, changes, crashPoints, cuts, cutVerbs, transitions, evaluated } = run;
  return { commands, changes, crashPoints, cuts, cutVerbs, transitions, evaluated, failure: at };
}

interface Run {
  readonly view: View;
  readonly model: Side;
  readonly other: Side;
  opened: OpenedStore;
  readonly faulty: FaultyEngine | undefined;
  readonly ledger: LeaseLedger;
  readonly commands: Command[];
  readonly cutVerbs: Record<string, number>;
  readonly transitions: Record<string, number>;
  readonly evaluated: Record<string, number>;
  lastOther: StoreDump;
  changes: number;
  crashPoints: number;
  cuts: number;
}

async function startRun(sequence: Sequence): Promise<Run> {
  const view = newView(1_750_000_000_000);
  const transitions: Record<string, number> = {};
  const onTransition = ({ from, move, to }: Transition): void => {
    const key = `${from} ${move} ${to}`;
    transitions[key] = (transitions[key] ?? 0) + 1;
  };
  const clock = (): number => view.now;
  const model = await openMemoryStore({ defaults, retention, clock, onTransition });
  const opened = await sequence.engine.open({ defaults, retention, clock });
  return {
    view,
    model: sideOf(model),
    other: sideOf(opened.store),
    opened,
    faulty: sequence.faulty,
    ledger: new Map(),
    commands: [],
    cutVerbs: {},
    transitions,
    evaluated: {},
    lastOther: view.dump,
    changes: 0,
    crashPoints: 0,
    cuts: 0,
  };
}

async function playAll(run: Run, sequence: Sequence): Promise<string | undefined> {
  for (;;) {
    const command = sequence.next(run.view);
    if (command === undefined) return checkModel(run, run.view.dump, sequence.drained) ?? compareDumps(run);
    const failure = await play(run, command);
    if (failure !== undefined) return failure;
    if (run.commands.length % sequence.dumpEvery === 0) {
      const different = await compareDumps(run);
      if (different !== undefined) return different;
    }
  }
}

async function play(run: Run, command: Command): Promise<string | undefined> {
  const { view } = run;
  run.commands.push(command);
  view.now += command.advanceMs;
  // A dump shows waiting times: one that is compared with what a cut leaves is taken at the time of the cut.
  const before = command.cut ? await run.model.store.dump() : view.dump;
  const mark = command.cut ? run.opened.mark?.() : undefined;
  if (command.fault !== undefined) await run.faulty?.arm(command.fault);
  let answer = await perform(run.model, command);
  const otherAnswer = await perform(run.other, command);
  if (wasDoneTwice(run, command)) {
    see(view, command, answer, await run.model.store.dump());
    answer = await perform(run.model, asRepeated(command));
  }
  const after = await run.model.store.dump();
  see(view, command, answer, after);
  const different = difference(answer, otherAnswer, "answer ");
  if (different !== undefined) return different;
  if (changed(before, after)) run.changes += 1;
  const wrong = checkModel(run, before);
  if (wrong !== undefined) return wrong;
  return mark === undefined ? undefined : cutPower(run, { mark, before });
}

/** A driver whose reply was lost asked again, so the server did the command twice, and so must the model. */
function wasDoneTwice({ faulty, cutVerbs }: Run, command: Command): boolean {
  const cut = faulty?.fired();
  if (cut === undefined) return false;
  for (const key of [cut.verb, cut.moment]) cutVerbs[key] = (cutVerbs[key] ?? 0) + 1;
  return cut.moment === "after" && cut.isWhole && command.kind !== "read";
}

function asRepeated(command: Command): Command {
  if (command.kind !== "commit") return command;
  return { ...command, claim: command.claim.map((each) => ({ ...each, again: true })) };
}

/** Cheaper than a comparison: whatever changes a job raises its version. */
function changed(before: StoreDump, after: StoreDump): boolean {
  if (before.jobs.length !== after.jobs.length) return true;
  const versions = (dump: StoreDump) => dump.jobs.reduce((sum, job) => sum + job.version, 0);
  if (versions(before) !== versions(after)) return true;
  if (difference(before.sessions, after.sessions) !== undefined) return true;
  const settings = (dump: StoreDump) => dump.queues.map((queue) => queue.settings);
  return difference(settings(before), settings(after)) !== undefined;
}

function checkModel(run: Run, before: StoreDump, drained = false): string | undefined {
  const { dump, now } = run.view;
  // A tree is acknowledged whole: whatever was once there has to stay, until its chain is removed.
  const acknowledged = kept(before, run.commands.at(-1));
  for (const report of [checkInvariants(dump, { now, acknowledged, drained }), checkStep(before, dump, run.ledger)]) {
    for (const [name, count] of Object.entries(report.evaluated)) {
      run.evaluated[name] = (run.evaluated[name] ?? 0) + count;
    }
    if (report.violations.length > 0) return `the model breaks ${report.violations.join("\n")}`;
  }
  return undefined;
}

/** The jobs of a dump that the command may not remove. */
export function kept(before: StoreDump, command: Command | undefined): readonly JobId[] {
  const removes = command?.kind === "remove" || command?.kind === "prune";
  const ended = before.jobs.filter((job) => job.role === "ROOT" && isTerminal(job.state)).map((job) => job.id);
  const mayGo = new Set(removes ? ended : []);
  return before.jobs.filter((job) => !mayGo.has(job.rootId)).map((job) => job.id);
}

async function compareDumps(run: Run): Promise<string | undefined> {
  const found = await run.other.store.dump();
  const stale = staleVersion(run.lastOther, found);
  run.lastOther = found;
  void stale;
  return dumpDifference(run.view.dump, found);
}

/** The power is cut at every place within what the last command wrote: the state is the one before it or the one after it. */
async function cutPower(
  run: Run,
  at: { readonly mark: number; readonly before: StoreDump },
): Promise<string | undefined> {
  const { opened } = run;
  if (opened.cuts === undefined || opened.mark === undefined || opened.mark() === at.mark) return undefined;
  const seen = { before: 0, after: 0 };
  for await (const left of opened.cuts(at.mark)) {
    const found = await left.store.dump();
    await left.discard();
    const fromAfter = dumpDifference(run.view.dump, found);
    if (fromAfter === undefined) {
      seen.after += 1;
      continue;
    }
    const fromBefore = dumpDifference(at.before, found);
    if (fromBefore !== undefined)
      return `cut ${seen.before + seen.after}: not before (${fromBefore}), not after (${fromAfter})`;
    seen.before += 1;
  }
  run.crashPoints += 1;
  run.cuts += seen.before + seen.after;
  if (seen.after === 0) return "what was acknowledged did not survive a power cut";
  return goOnAfterCrash(run);
}

/** Half of the crashed stores are gone on with: what a store remembers besides its file is made anew. */
async function goOnAfterCrash(run: Run): Promise<string | undefined> {
  if (run.crashPoints % 2 === 0 || run.opened.crash === undefined) return undefined;
  const left = await run.opened.crash();
  await run.opened.discard();
  run.opened = left;
  run.other.store = left.store;
  return compareDumps(run);
}
