import type { NewJob } from "../core/job.ts";
import type { QueueName, TypeName } from "../core/names.ts";
import type { Ids } from "../runtime/ids.ts";
import type { ClaimAnswer, ClaimItem, InsertItem, Lease, SettleItem } from "../store/commit.ts";
import type { Effects, Lane } from "../store/effects.ts";
import type { SessionRef } from "../store/session.ts";
import type { ClaimSource, PendingClaim } from "./committer.ts";
import type { LaneBoard, LaneHint } from "./lane-board.ts";

/** Who takes jobs: a session with an open stream. */
export interface Claimant {
  readonly ref: SessionRef;
  /** Of its one claim, which an earlier call may have made; each claim has one of its own when left out. */
  readonly nonce?: string;
  readonly subscriptions: readonly Subscription[];
  /** What fits now; no jobs while the stream cannot take them. */
  room(): { readonly jobs: number; readonly bytes: number };
  deliver(leases: readonly Lease[]): void;
  /** These do not fit any more: they go back. */
  refuse(leases: readonly Lease[]): void;
  /** A claim is under way; there is never more than one. */
  claiming(): void;
  /** It is over, whatever came of it. */
  claimed(): void;
  /** The store knows a newer stream of the session, or none at all. */
  superseded(): void;
}

export interface Subscription {
  readonly queue: QueueName;
  readonly lanes: readonly LaneHint[];
  readonly jobsMax: number;
  /** Jobs delivered whose result has not arrived. */
  inFlight: number;
}

export interface Dispatcher extends ClaimSource {
  /** The claimant has room and no claim under way: it is asked in its turn. */
  want(claimant: Claimant): void;
  leave(claimant: Claimant): void;
  readied(lanes: readonly Lane[]): void;
  /** A queue was resumed, or its limit was raised. */
  opened(queue: QueueName): void;
  /** A job of the queue runs no more: of a limited queue that is a slot. */
  freed(queue: QueueName): void;
  /** Whether the queue has a limit of running jobs. */
  limit(queue: QueueName, limited: boolean): void;
  /** Hints may have been lost: every lane is looked into once. */
  lookEverywhere(): void;
  /** No claims from here on. */
  stop(): void;
}

/** Jobs that all claims of one commit may take. */
const jobsPerCommitMax = 500;
const bytesPerClaimMax = 16 * 1024 * 1024;
/** Payloads that all claims of one commit may bring, which come in one answer of the store. */
const bytesPerCommitMax = 64 * 1024 * 1024;
/** A claim takes one job at least: this many of the largest are within the bound of bytes. */
const claimsPerCommitMax = 64;
/** A payload that would not have fitted: a claim this close to its bound may have stopped because of it. */
const payloadBytesMax = 1024 * 1024;

/** Turns free windows and lanes that may have work into claims, fairly: who asked goes to the back of the line. */
export function createDispatcher(options: {
  readonly board: LaneBoard;
  readonly ids: Ids;
  readonly poke: () => void;
}): Dispatcher {
  const { board, ids } = options;
  const line = new Set<Claimant>();
  const limited = new Set<QueueName>();
  /** Claims whose answer was lost: each goes again before its claimant asks for anything else. */
  const owed = new Map<Claimant, ClaimItem>();
  let turn = 0;
  let stopped = false;
  /** The store failed: nobody asks again before the next look everywhere or the next commit that worked. */
  let resting = false;

  function take(batch: {
    readonly settle: readonly SettleItem[];
    readonly insert: readonly InsertItem[];
  }): readonly PendingClaim[] {
    if (stopped) return [];
    expectFrom(batch);
    const open = new Set(board.open());
    for (const hint of open) hint.asked = 0;
    const alone = line.size < 2;
    const claims = [...owed].slice(0, claimsPerCommitMax).map(([claimant, item]) => {
      owed.delete(claimant);
      return claimAgain(claimant, item);
    });
    let jobsLeft = claims.reduce((left, { item }) => left - item.jobsMax, jobsPerCommitMax);
    const bytesMax = Math.floor(
      bytesPerCommitMax / Math.min(claimsPerCommitMax, Math.max(1, claims.length + line.size)),
    );
    turn += 1;
    for (const claimant of line) {
      if (open.size === 0 || jobsLeft <= 0 || claims.length >= claimsPerCommitMax) break;
      const claim = claimOf(claimant, { open, jobsLeft, bytesMax, alone });
      if (claim === undefined) continue;
      line.delete(claimant);
      claimant.claiming();
      jobsLeft -= claim.item.jobsMax;
      claims.push(claim);
    }
    return claims;
  }

  function claimOf(claimant: Claimant, round: Round): PendingClaim | undefined {
    const { open } = round;
    const room = claimant.room();
    if (room.jobs <= 0 || room.bytes <= 0) {
      line.delete(claimant);
      return undefined;
    }
    const wanted = wantedLanes(claimant, open);
    if (wanted.length === 0) return undefined;
    const jobsMax = Math.min(round.jobsLeft, round.alone ? room.jobs : share(room.jobs, wanted));
    for (const { hints } of wanted) {
      for (const hint of hints) {
        hint.asked += jobsMax;
        if (hint.asked >= hint.expected) open.delete(hint);
      }
    }
    const item: ClaimItem = {
      ...claimant.ref,
      nonce: claimant.nonce ?? ids.nonce(),
      ...(claimant.nonce !== undefined && { again: true }),
      jobsMax,
      bytesMax: Math.min(room.bytes, bytesPerClaimMax, round.bytesMax),
      lanes: wanted.map(({ subscription, hints }) => ({
        queue: subscription.queue,
        types: hints.map((hint) => hint.lane.type),
        jobsMax: Math.min(jobsMax, subscription.jobsMax - subscription.inFlight),
      })),
    };
    return {
      item,
      answer: (answer, effects) =>
        answered(claimant, answer, (leases) => {
          learn(item, wanted, { leases, effects });
          if (leases.length > 0) claimant.deliver(leases);
        }),
      fail: (unknown) => failed(claimant, item, unknown),
    };
  }

  /** What an earlier try leased is answered, else the claim is as it was: unless there is no room any more, or no stream. */
  function claimAgain(claimant: Claimant, before: ClaimItem): PendingClaim {
    const room = claimant.room();
    const some = { jobsMax: Math.min(before.jobsMax, room.jobs), bytesMax: Math.min(before.bytesMax, room.bytes) };
    const item = { ...before, ...(room.jobs > 0 && room.bytes > 0 ? some : { lanes: [] }), again: true };
    claimant.claiming();
    return {
      item,
      answer: (answer) =>
        answered(claimant, answer, (leases) => {
          const fitting = fittingIn(claimant.room(), leases);
          if (fitting > 0) claimant.deliver(leases.slice(0, fitting));
          if (fitting < leases.length) claimant.refuse(leases.slice(fitting));
        }),
      fail: (unknown) => failed(claimant, before, unknown),
    };
  }

  function failed(claimant: Claimant, item: ClaimItem, unknown: boolean): void {
    resting = true;
    if (unknown) owed.set(claimant, item);
    claimant.claimed();
  }

  /** The lanes that may have more than was asked for already; queues take turns in being served first. */
  function wantedLanes(claimant: Claimant, open: Set<LaneHint>): readonly Wanted[] {
    const wanted = claimant.subscriptions
      .filter((subscription) => subscription.inFlight < subscription.jobsMax)
      .map((subscription) => ({ subscription, hints: subscription.lanes.filter((hint) => open.has(hint)) }))
      .filter(({ hints }) => hints.length > 0)
      .map((each) => ({ ...each, raised: each.hints.map((hint) => hint.raised) }));
    const first = wanted.length === 0 ? 0 : turn % wanted.length;
    return [...wanted.slice(first), ...wanted.slice(0, first)];
  }

  /** A backlog of unknown size is split over those who wait: a part of the window each, and the rest when there is more. */
  function share(jobs: number, wanted: readonly Wanted[]): number {
    const plenty = wanted.some(({ hints }) => hints.some((hint) => hint.expected === Number.POSITIVE_INFINITY));
    return Math.ceil(jobs / (plenty ? 2 : 4));
  }

  function answered(claimant: Claimant, answer: ClaimAnswer, take: (leases: readonly Lease[]) => void): void {
    if (answer.kind === "gone") {
      claimant.claimed();
      claimant.superseded();
      return;
    }
    take(answer.leases);
    claimant.claimed();
  }

  /** A claim that came back full says that there is more, one that came back short that its lanes are empty. */
  function learn(
    item: ClaimItem,
    wanted: readonly Wanted[],
    { leases, effects }: { readonly leases: readonly Lease[]; readonly effects: Effects },
  ): void {
    const bytes = leases.reduce((sum, lease) => sum + lease.payload.bytes.length, 0);
    const full = leases.length >= item.jobsMax || (leases.length > 0 && bytes + payloadBytesMax > item.bytesMax);
    const readied = new Set(effects.readied.map(keyOf));
    for (const [index, { subscription, hints, raised }] of wanted.entries()) {
      const claimed = leases.filter((lease) => lease.queue === subscription.queue);
      const laneFull = full || claimed.length >= (item.lanes[index]?.jobsMax ?? 0);
      const types = new Set<TypeName>(claimed.map((lease) => lease.payload.type));
      for (const [nth, hint] of hints.entries()) {
        // What this very commit made claimable it could claim as well; what was hinted at meanwhile it may not have seen.
        const known = (raised[nth] ?? 0) + (readied.has(keyOf(hint.lane)) ? 1 : 0);
        if (!laneFull) hint.expected = hint.raised > known ? 1 : 0;
        else if (types.has(hint.lane.type)) hint.expected = Number.POSITIVE_INFINITY;
      }
    }
  }

  /** What this very batch makes claimable, so that it is claimed in the same transaction. */
  function expectFrom(batch: { readonly settle: readonly SettleItem[]; readonly insert: readonly InsertItem[] }): void {
    for (const item of batch.insert) for (const tree of item.trees) expectJob(tree.root);
    for (const { outcome } of batch.settle) {
      if (outcome.kind !== "success") continue;
      for (const node of outcome.nodes) if (node.edge.role === "CHILD") expectJob(node.job);
    }
  }

  function expectJob(job: NewJob): void {
    if (job.start.kind === "now") board.add({ queue: job.queue, type: job.payload.type }, 1);
  }

  function want(claimant: Claimant): void {
    if (!owed.has(claimant)) line.add(claimant);
    wake();
  }

  function wake(): void {
    if (stopped || resting) return;
    if (owed.size > 0 || (line.size > 0 && board.anyOpen())) options.poke();
  }

  return {
    take,
    want,
    leave: (claimant) => void line.delete(claimant),
    readied(lanes) {
      resting = false;
      for (const lane of lanes) board.add(lane, 1);
      wake();
    },
    opened(queue) {
      board.addQueue(queue);
      wake();
    },
    freed(queue) {
      if (limited.has(queue)) board.addQueue(queue);
    },
    limit(queue, isLimited) {
      if (isLimited) limited.add(queue);
      else limited.delete(queue);
    },
    lookEverywhere() {
      resting = false;
      board.addAll();
      wake();
    },
    stop() {
      stopped = true;
    },
  };
}

/** How many of the leases fit, in their order; one at least, unless there is no room at all. Those of a claim sent again may be too many by now. */
function fittingIn(room: { readonly jobs: number; readonly bytes: number }, leases: readonly Lease[]): number {
  let { bytes } = room;
  if (room.jobs <= 0 || bytes <= 0) return 0;
  const end = leases.slice(0, room.jobs).findIndex(({ payload }, index) => {
    bytes -= payload.bytes.length;
    return bytes < 0 && index > 0;
  });
  return end < 0 ? Math.min(room.jobs, leases.length) : end;
}

function keyOf({ queue, type }: Lane): string {
  return `${queue} ${type}`;
}

/** One batch that is being put together. */
interface Round {
  readonly open: Set<LaneHint>;
  readonly jobsLeft: number;
  readonly bytesMax: number;
  readonly alone: boolean;
}

interface Wanted {
  readonly subscription: Subscription;
  readonly hints: readonly LaneHint[];
  /** How often each was raised when the claim was made. */
  readonly raised: readonly number[];
}
