import { isTerminal, rememberedMs } from "../../../src/core/job.ts";
import { parseQueueName, parseTypeName, type SessionId } from "../../../src/core/names.ts";
import type { ClaimItem } from "../../../src/store/commit.ts";
import type { QueueChange } from "../../../src/store/queue.ts";
import type { SessionRef } from "../../../src/store/session.ts";
import { jobId } from "../jobs.ts";
import type { Command, CommitCommand, Unaimed } from "./command.ts";
import { anyBackoff, anyTree, queues, types } from "./generate-jobs.ts";
import { cancels, removal, reports, retries, stages } from "./generate-requests.ts";
import { nobody, settles, succeed } from "./generate-settles.ts";
import type { Random } from "./random.ts";
import { expandDue, inState, leaseOf, open, type View } from "./view.ts";

const none: CommitCommand = { renew: [], settle: [], insert: [], claim: [] };

/** The next command, chosen so that it mostly does something in the state that `view` shows. */
export function anyCommand(random: Random, view: View): Command {
  if (view.sessions.size === 0) return aimed(openSession(random, view), 0);
  const running = inState(view, "RUNNING").length;
  const ready = inState(view, "READY").length;
  const waiting = inState(view, "SCHEDULED", "RETRYING").length;
  const marked = view.dump.jobs.some((job) => job.propagateDue);
  const room = open(view).length < 11 && view.dump.jobs.length < 26;
  const make = random.weighted<() => Command>([
    [
      room ? (ready + running < 4 ? 14 : 3) : 0,
      () => aimed({ kind: "commit", ...none, insert: inserts(random, view) }, 0),
    ],
    [running > 0 ? 26 : 1, () => aimed({ kind: "commit", ...none, settle: settles(random, view) }, someTime(random))],
    [ready > 0 ? 16 : 1, () => aimed({ kind: "commit", ...none, claim: claims(random, view) }, someTime(random))],
    [8, () => aimed(mixed(random, view, room), someTime(random))],
    [waiting > 0 ? 12 : 0.5, () => aimed({ kind: "promote", max: steps(random) }, untilDue(random, view))],
    [marked ? 16 : 0.5, () => aimed({ kind: "propagate", max: steps(random) }, 0)],
    [view.cascadeDue ? 18 : 0.5, () => aimed({ kind: "cascade", max: steps(random) }, 0)],
    [running > 0 ? 6 : 1, () => aimed(reap(random), untilExpiry(random, view))],
    [view.sessions.size < 4 || view.dump.sessions.length < 2 ? 6 : 0.7, () => aimed(openSession(random, view), 0)],
    [1.5, () => aimed(resume(random, view), someTime(random))],
    [0.8, () => aimed({ kind: "detach", session: anySession(random, view), graceMs: random.int(0, 2_000) }, 0)],
    [1, () => aimed({ kind: "close", session: anySession(random, view) }, 0)],
    [2.5, () => aimed(updateQueue(random), 0)],
    [2.5, () => aimed(cancels(random, view), someTime(random))],
    [inState(view, "DEAD").length > 0 ? 10 : 1.5, () => aimed(retries(random, view), someTime(random))],
    [running > 0 && room ? 5 : 0.5, () => aimed(stages(random, view), 0)],
    [expandDue(view) ? 12 : 0.5, () => aimed({ kind: "expand", max: steps(random) }, someTime(random))],
    [running > 0 ? 2 : 0.3, () => aimed(reports(random, view), someTime(random))],
    [1, () => aimed(removal(random, view), someTime(random))],
    [1.5, () => aimed({ kind: "prune", max: steps(random) }, untilRemovable(random))],
    [1.5, () => aimed(read(random, view), 0)],
  ]);
  return make();
}

/** A read in which every verb has something to ask for. */
export function anyRead(random: Random, view: View): Command {
  const { filter, lease, ...rest } = read(random, view);
  const queue = filter.queue ?? parseQueueName(random.pick(queues));
  const known = lease === nobody && view.leases.length > 0 ? random.pick(view.leases) : lease;
  return aimed({ ...rest, filter: { ...filter, queue }, lease: known }, 0);
}

export function anyRetry(random: Random, view: View): Command {
  return aimed(retries(random, view), 0);
}

/** What brings everything to its end: a list that is empty once nothing is left to do. */
export function drainCommand(random: Random, view: View, round: number): Command {
  if (round === 0) return aimed(openSession(random, view, Number.MAX_SAFE_INTEGER / 4), 0);
  if (round <= queues.length) {
    const queue = parseQueueName(queues[round - 1] ?? "default");
    return aimed({ kind: "updateQueue", queue, change: { paused: false, maxConcurrency: undefined } }, 0);
  }
  if (view.dump.jobs.some((job) => job.propagateDue)) return aimed({ kind: "propagate", max: 100 }, 0);
  if (expandDue(view)) return aimed({ kind: "expand", max: 100 }, 0);
  if (view.cascadeDue) return aimed({ kind: "cascade", max: 100 }, 0);
  if (inState(view, "RUNNING").length > 0) {
    const settle = inState(view, "RUNNING").map((job) => ({
      lease: leaseOf(job),
      outcome: succeed({ staged: job.staged }),
      sent: "success" as const,
      jitter: 0,
    }));
    return aimed({ kind: "commit", ...none, settle }, 0);
  }
  if (inState(view, "READY").length > 0) {
    const session = [...view.sessions.entries()].map(([sessionId, { epoch }]) => ({ sessionId, epoch })).at(-1);
    return aimed({ kind: "commit", ...none, claim: [claimAll(view, session ?? anySession(random, view))] }, 0);
  }
  return aimed({ kind: "promote", max: 100 }, untilDue(random, view, 1));
}

function aimed(command: Unaimed, advanceMs: number): Command {
  return { ...command, advanceMs };
}

function someTime(random: Random): number {
  return random.chance(0.6) ? 0 : random.int(0, 300);
}

/** Mostly until something is due. */
function untilDue(random: Random, view: View, always = 0.8): number {
  const due = inState(view, "SCHEDULED", "RETRYING").map((job) => job.runAt - view.now);
  return due.length > 0 && random.chance(always) ? Math.max(0, Math.min(...due)) : 0;
}

/** Half the time until a session with leases expires. */
function untilExpiry(random: Random, view: View): number {
  const holding = new Set(inState(view, "RUNNING").map((job) => job.sessionId));
  const ends = view.dump.sessions.filter((each) => holding.has(each.id)).map((each) => each.expiresAt - view.now);
  return ends.length > 0 && random.chance(0.6) ? Math.max(0, random.pick(ends)) : someTime(random);
}

/** Now and then until retention, and what is remembered of removed roots, is over. */
function untilRemovable(random: Random): number {
  return random.weighted([
    [6, 0],
    [3, random.int(0, 2_000)],
    [0.5, rememberedMs + random.int(-1, 1)],
  ]);
}

function steps(random: Random): number {
  return random.weighted([
    [2, 1],
    [2, 2],
    [2, random.int(3, 6)],
    [3, 100],
  ]);
}

function inserts(random: Random, view: View): CommitCommand["insert"] {
  return Array.from({ length: random.int(1, 2) }, () => ({
    trees: Array.from({ length: random.chance(0.2) ? 2 : 1 }, () => anyTree(random, view)),
  }));
}

function claims(random: Random, view: View, repeats = true): readonly ClaimItem[] {
  return Array.from({ length: random.chance(0.2) ? 2 : 1 }, (): ClaimItem => {
    const again = repeats && random.chance(0.12) ? claimAgain(random, view) : undefined;
    if (again !== undefined) return again;
    const all = claimAll(view, anySession(random, view));
    if (random.chance(0.35)) return all;
    const lanes = all.lanes.filter(() => random.chance(0.7)).map((lane) => ({ ...lane, jobsMax: random.int(1, 4) }));
    return {
      ...all,
      lanes,
      jobsMax: random.int(1, 5),
      bytesMax: random.chance(0.3) ? random.int(0, 30) : all.bytesMax,
    };
  });
}

/** A claim whose answer was lost: of an earlier one that still holds something, or of one that never arrived. */
function claimAgain(random: Random, view: View): ClaimItem | undefined {
  if (random.chance(0.3)) return { ...claimAll(view, anySession(random, view)), again: true };
  const held = new Set(inState(view, "RUNNING").map(leaseOf));
  const claims = view.claims.filter(({ leases }) => leases.some((each) => held.has(each)));
  if (claims.length === 0) return undefined;
  const { item } = random.pick(claims);
  // The newest epoch mostly: a resume keeps leases of the claims before it.
  const epoch = random.chance(0.8) ? (view.sessions.get(item.sessionId)?.epoch ?? item.epoch) : item.epoch;
  return { ...item, epoch, again: true };
}

function claimAll(view: View, session: SessionRef): ClaimItem {
  view.made += 1;
  return {
    ...session,
    nonce: `n${view.made}`,
    jobsMax: 1_000,
    bytesMax: Number.POSITIVE_INFINITY,
    lanes: queues.map((queue) => ({
      queue: parseQueueName(queue),
      types: types.map((type) => parseTypeName(type)),
      jobsMax: 1_000,
    })),
  };
}

function mixed(random: Random, view: View, room: boolean): Unaimed {
  return {
    kind: "commit",
    renew: random.chance(0.7) ? [renewal(random, view)] : [],
    settle: random.chance(0.6) ? settles(random, view) : [],
    insert: room && random.chance(0.4) ? inserts(random, view) : [],
    // No repeats: what they ask for may be settled in this very commit, and then the nonce is used up.
    claim: random.chance(0.6) ? claims(random, view, false) : [],
  };
}

function renewal(random: Random, view: View): CommitCommand["renew"][number] {
  const session = anySession(random, view);
  const held = inState(view, "RUNNING").filter((job) => job.sessionId === session.sessionId);
  const buffered = held.filter(() => random.chance(0.4)).map(leaseOf);
  if (view.leases.length > 0 && random.chance(0.2)) buffered.push(random.pick(view.leases));
  return { ...session, ttlMs: random.int(500, 8_000), buffered };
}

/** Mostly one that lives, in its newest epoch. */
function anySession(random: Random, view: View): SessionRef {
  const living = new Set(view.dump.sessions.map((each) => each.id));
  const all = [...view.sessions.entries()].map(([sessionId, { epoch }]) => ({ sessionId, epoch }));
  const alive = all.filter((each) => living.has(each.sessionId));
  const session = random.pick(alive.length > 0 && !random.chance(0.03) ? alive : all);
  return random.chance(0.04) ? { ...session, epoch: session.epoch + random.pick([-1, 1]) } : session;
}

function openSession(random: Random, view: View, ttlMs = random.int(500, 8_000)): Unaimed {
  view.made += 1;
  const sessionId = `s${view.made}` as SessionId; // names of sessions are free text to a store
  const principal = random.pick(["", "someone"]);
  return { kind: "openSession", session: { sessionId, principal, worker: "w", instanceId: "i", ttlMs } };
}

function resume(random: Random, view: View): Unaimed {
  const { sessionId } = anySession(random, view);
  const mine = inState(view, "RUNNING").filter((job) => job.sessionId === sessionId && random.chance(0.7));
  const held = mine.map((job) => ({ lease: leaseOf(job), buffered: random.chance(0.3) }));
  if (view.leases.length > 0 && random.chance(0.3)) {
    const other = random.pick(view.leases);
    if (!held.some((each) => each.lease === other)) held.push({ lease: other, buffered: false });
  }
  const principal = random.chance(0.1) ? "stranger" : (view.sessions.get(sessionId)?.principal ?? "");
  return { kind: "resume", sessionId, principal, ttlMs: random.int(500, 8_000), held };
}

function reap(random: Random): Unaimed {
  const bufferedMsMax = random.chance(0.3) ? random.int(0, 500) : 1_000_000;
  return { kind: "reap", max: steps(random), bufferedMsMax, jitter: random.next() };
}

function updateQueue(random: Random): Unaimed {
  const change: QueueChange = random.weighted<QueueChange>([
    [1, { paused: random.chance(0.4) }],
    [1, { paused: false, maxConcurrency: random.int(1, 3) }],
    [1, { maxConcurrency: undefined, maxAttempts: random.chance(0.5) ? random.int(1, 4) : undefined }],
    [1, { backoff: random.chance(0.5) ? anyBackoff(random) : undefined, timeoutMs: random.int(1, 9_999) }],
    [5, { crashLimit: random.chance(0.8) ? random.int(2, 3) : undefined }],
    [
      1,
      {
        deadRetentionMs: random.chance(0.5) ? random.int(0, 9_000) : undefined,
        completedRetentionMs: random.int(0, 900),
      },
    ],
    [0.5, { cancelledRetentionMs: random.chance(0.5) ? random.int(0, 3_000) : undefined }],
  ]);
  return { kind: "updateQueue", queue: parseQueueName(random.pick(queues)), change };
}

function read(random: Random, view: View): Extract<Unaimed, { kind: "read" }> {
  const job = view.dump.jobs.length > 0 ? random.pick(view.dump.jobs) : undefined;
  const running = inState(view, "RUNNING").filter((each) => each.role === "HEIR" || random.chance(0.1));
  const filter = {
    rootId: job !== undefined && random.chance(0.3) ? job.rootId : undefined,
    parentId: random.chance(0.3) ? job?.parentId : undefined,
    queue: random.chance(0.4) ? parseQueueName(random.pick(queues)) : undefined,
    type: random.chance(0.3) ? parseTypeName(random.pick(types)) : undefined,
    states: random.chance(0.4) && job !== undefined ? [job.state, random.pick(["READY", "DEAD"] as const)] : [],
    includeChainFailed: random.chance(0.5),
    errorFingerprint: random.chance(0.1) ? (job?.errorFingerprint ?? "none") : undefined,
    // What stores count as a change differs where nothing is to be seen of it.
    updatedSince: random.chance(0.1) ? random.pick([view.begunAt, view.now + 1]) : undefined,
    rootsOnly: random.chance(0.2),
  };
  return {
    kind: "read",
    id: job?.id ?? jobId("nobody"),
    filter,
    size: random.pick([1, 3, 100]),
    depthMax: random.pick([1, 2, 64]),
    lease: running.length > 0 ? leaseOf(random.pick(running)) : nobody,
  };
}

/** Whether the drain has come to its end. */
export function isDrained(view: View): boolean {
  return view.dump.jobs.every((job) => isTerminal(job.state) && !job.propagateDue) && !view.cascadeDue;
}
