import { isTerminal, type OutcomeKind } from "../../../src/core/job.ts";
import type { SessionId } from "../../../src/core/names.ts";
import type { ClaimItem } from "../../../src/store/commit.ts";
import type { DumpedJob, StoreDump } from "../../../src/store/dump.ts";
import type { Command, LeaseName, SettleCommand } from "./command.ts";

/** What the generator knows: the model's present state and what it did so far. */
export interface View {
  /** When the sequence began. */
  readonly begunAt: number;
  now: number;
  dump: StoreDump;
  /** Every session that was opened, with its newest epoch. */
  readonly sessions: Map<SessionId, { epoch: number; principal: string }>;
  /** Every lease that was given, in order. */
  readonly leases: LeaseName[];
  readonly sent: Map<LeaseName, SettleCommand>;
  /** Claims that got something, with the leases that they made. */
  readonly claims: { readonly item: ClaimItem; readonly leases: readonly LeaseName[] }[];
  /** What the last answers said that there is to do. */
  cascadeDue: boolean;
  /** Roots that were removed, as they were last. */
  readonly removed: DumpedJob[];
  /** By lease, the number of the newest frame that was staged under it. */
  readonly frames: Map<LeaseName, number>;
  /** For ids and nonces. */
  made: number;
}

export function newView(now: number): View {
  return {
    begunAt: now,
    now,
    dump: { jobs: [], sessions: [], queues: [] },
    sessions: new Map(),
    leases: [],
    sent: new Map(),
    claims: [],
    cascadeDue: false,
    removed: [],
    frames: new Map(),
    made: 0,
  };
}

/** Takes in a command with the model's answer and the state after it. */
export function see(view: View, command: Command, answer: unknown, dump: StoreDump): void {
  const left = new Set(dump.jobs.map((job) => job.id));
  view.removed.push(...view.dump.jobs.filter((job) => job.role === "ROOT" && !left.has(job.id)));
  view.dump = dump;
  const said = answer as {
    readonly kind?: string;
    readonly epoch?: number;
    readonly more?: boolean;
    readonly claimed?: readonly unknown[];
    readonly answers?: readonly { readonly kind: string }[];
    readonly effects?: { readonly cascadeDue: boolean };
  }; // as perform() makes it
  if (said?.effects?.cascadeDue) view.cascadeDue = true;
  if (command.kind === "cascade") view.cascadeDue = said.more === true;
  if (command.kind === "openSession") {
    view.sessions.set(command.session.sessionId, { epoch: 1, principal: command.session.principal });
  }
  if (command.kind === "resume" && said.epoch !== undefined) {
    view.sessions.set(command.sessionId, { epoch: said.epoch, principal: command.principal });
  }
  if (command.kind === "stage") {
    for (const [index, { lease, seq }] of command.items.entries()) {
      const last = view.frames.get(lease) ?? 0;
      if (said.answers?.[index]?.kind === "staged") view.frames.set(lease, Math.max(last, seq));
    }
  }
  if (command.kind !== "commit") return;
  for (const item of command.settle) if (!view.sent.has(item.lease)) view.sent.set(item.lease, item);
  for (const [index, item] of command.claim.entries()) {
    const claimed = said.claimed?.[index];
    if (!Array.isArray(claimed) || claimed.length === 0) continue;
    const leases = claimed.map((each: { readonly lease: LeaseName }) => each.lease);
    if (item.again !== true) view.claims.push({ item, leases });
    view.leases.push(...leases.filter((each) => !view.leases.includes(each)));
  }
}

export function open(view: View): readonly DumpedJob[] {
  return view.dump.jobs.filter((job) => !isTerminal(job.state));
}

/** Children were staged under a success that was accepted, and are not yet in their chain. */
export function expandDue(view: View): boolean {
  return view.dump.jobs.some((job) => job.staged > 0 && job.run !== undefined);
}

/** The job may get more below it without the sequence growing too large. */
export function roomBelow(view: View, job: DumpedJob): boolean {
  return job.depth < 6 && open(view).length < 13 && view.dump.jobs.length < 30;
}

export function inState(view: View, ...states: readonly DumpedJob["state"][]): readonly DumpedJob[] {
  return view.dump.jobs.filter((job) => states.includes(job.state));
}

export function leaseOf(job: DumpedJob): LeaseName {
  return `${job.id}#${job.attempt}`;
}

export const outcomeKinds: readonly OutcomeKind[] = ["success", "failure", "discard", "snooze", "release", "cancel"];
