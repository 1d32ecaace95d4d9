import { isTerminal, type OutcomeKind } from "../../../src/core/job.ts";
import type { SessionId } from "../../../src/core/names.ts";
import type { ClaimItem, DumpedJob, StoreDump } from "../../../src/store/store.ts";
import type { Command, LeaseName, SettleCommand } from "./command.ts";

/** What the generator knows: the model's present state and what it did so far. */
export interface View {
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
  /** For ids and nonces. */
  made: number;
}

export function newView(now: number): View {
  return {
    now,
    dump: { jobs: [], sessions: [], queues: [] },
    sessions: new Map(),
    leases: [],
    sent: new Map(),
    claims: [],
    cascadeDue: false,
    made: 0,
  };
}

/** Takes in a command with the model's answer and the state after it. */
export function see(view: View, command: Command, answer: unknown, dump: StoreDump): void {
  view.dump = dump;
  const said = answer as {
    readonly kind?: string;
    readonly epoch?: number;
    readonly more?: boolean;
    readonly claimed?: readonly unknown[];
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

export function inState(view: View, ...states: readonly DumpedJob["state"][]): readonly DumpedJob[] {
  return view.dump.jobs.filter((job) => states.includes(job.state));
}

export function leaseOf(job: DumpedJob): LeaseName {
  return `${job.id}#${job.attempt}`;
}

export const outcomeKinds: readonly OutcomeKind[] = ["success", "failure", "discard", "snooze", "release", "cancel"];
