import type { NewTree } from "../../../src/core/job.ts";
import { type JobId, parseQueueName, parseTypeName, type SessionId, type TypeName } from "../../../src/core/names.ts";
import type { ClaimItem } from "../../../src/store/commit.ts";
import type { SessionRef } from "../../../src/store/session.ts";
import { child, discard, failure, group, heir, type JobOptions, job, jobId, release, success, tree } from "../jobs.ts";
import type { CommitCommand, LeaseName, SettleCommand } from "../model/command.ts";
import type { Random } from "../model/random.ts";
import type { Operation } from "./operation.ts";

/** Names that one history has for itself, so that many can share a store. */
export interface Names {
  readonly prefix: string;
  readonly queue: string;
  readonly session: (client: number) => SessionId;
}

export function namesOf(index: number): Names {
  const prefix = `h${index}`;
  return { prefix, queue: `${prefix}-queue`, session: (client) => `${prefix}-session-${client}` as SessionId }; // free text to a store
}

/** What clients know of each other: leases that were given to anyone, and what was said of them. */
export interface Known {
  readonly leases: { readonly name: LeaseName; readonly client: number }[];
  readonly sent: Map<LeaseName, SettleCommand>;
  made: number;
  /** Types that were given to jobs outside of the pool. */
  types: number;
}

export const clientCount = 3;
const rootCount = 3;
/** Each job has a type of its own, so that a claim of just these jobs can be made: those of the pool first. */
const types: readonly TypeName[] = Array.from({ length: 48 }, (_, index) => parseTypeName(`test.v1.J${index}`));
const poolTypes = rootCount + 3;
export const none: CommitCommand = { renew: [], settle: [], insert: [], claim: [] };

/** A session for each client. */
export function openSessions(names: Names): readonly Operation[] {
  return Array.from({ length: clientCount }, (_, client) => ({
    kind: "openSession",
    advanceMs: 0,
    session: {
      sessionId: names.session(client),
      principal: "",
      worker: `w${client}`,
      instanceId: `i${client}`,
      ttlMs: 60_000,
    },
  }));
}

/** What a client calls next. Few ids, few jobs a claim: so that clients meet. */
export function anyOperation(random: Random, names: Names, client: number, known: Known): Operation {
  const commit = (part: Partial<CommitCommand>): Operation => ({ kind: "commit", advanceMs: 0, ...none, ...part });
  const leased = known.leases.length > 0;
  return random.weighted<() => Operation>([
    [5, () => commit({ insert: [{ trees: [anyTree(random, names, known)] }] })],
    [5, () => commit({ claim: [claim(random, names, client, known)] })],
    [leased ? 7 : 0, () => commit({ settle: [settle(random, names, client, known)] })],
    [
      leased ? 2 : 0,
      () => commit({ settle: [settle(random, names, client, known)], claim: [claim(random, names, client, known)] }),
    ],
    [1, () => commit({ renew: [{ ...sessionOf(names, client), ttlMs: 60_000, buffered: [] }] })],
    [1.5, () => ({ kind: "cascade", advanceMs: 0, max: 100 })],
    [1, () => ({ kind: "propagate", advanceMs: 0, max: 100 })],
    [1, () => ({ kind: "statuses", ids: Array.from({ length: rootCount }, (_, index) => rootId(names, index)) })],
  ])();
}

/** The same few ids by all, with one of two payloads: some repeat each other and some are in each other's way. */
function anyTree(random: Random, names: Names, known: Known): NewTree {
  const index = random.int(0, rootCount - 1);
  const id = rootId(names, index);
  const priority = nextPriority(known);
  const options = (type: TypeName | undefined): JobOptions => ({ queue: names.queue, priority, ...(type && { type }) });
  if (index === 0 && random.chance(0.7)) {
    const family = ["a", "b"].map((each, at) =>
      child(`${id}.${each}`, { ...options(types[rootCount + at]), policy: "FAIL_FAST" }),
    );
    const last = heir(`${id}.h`, { ...options(types[rootCount + 2]), trigger: "SETTLED" });
    return tree(group(id, options(undefined)), ...family, last);
  }
  const payload = random.chance(0.8) ? "one" : "other";
  if (random.chance(0.3)) {
    const requestId = `${names.prefix}-request`;
    return tree(job(`${names.prefix}-n${known.made}`, { ...options(nextType(known)), payload, requestId }));
  }
  return tree(job(id, { ...options(types[index]), payload }));
}

function nextType(known: Known): TypeName | undefined {
  known.types += 1;
  return types[poolTypes + (known.types % (types.length - poolTypes))];
}

function claim(random: Random, names: Names, client: number, known: Known): ClaimItem {
  known.made += 1;
  return claimOf(names, client, `${names.prefix}n${known.made}`, random.pick([1, 1, 2, 100]));
}

export function claimOf(names: Names, client: number, nonce: string, jobsMax: number): ClaimItem {
  return {
    ...sessionOf(names, client),
    nonce,
    jobsMax,
    bytesMax: Number.POSITIVE_INFINITY,
    lanes: [{ queue: parseQueueName(names.queue), types, jobsMax }],
  };
}

/** Mostly the outcome of a lease of its own, now and then of another's, and sometimes one that was sent already. */
function settle(random: Random, names: Names, client: number, known: Known): SettleCommand {
  const own = known.leases.filter((each) => each.client === client);
  const { name } = random.pick(own.length > 0 && random.chance(0.75) ? own.slice(-3) : known.leases);
  const sent = known.sent.get(name);
  if (sent !== undefined && random.chance(0.3)) return sent;
  const options = (): JobOptions => ({
    queue: names.queue,
    priority: nextPriority(known),
    type: nextType(known) ?? "",
  });
  const outcome = random.weighted([
    [4, success()],
    [2, success([child(`${name}.c`, options()), heir(`${name}.d`, options())])],
    [1, failure()],
    [3, discard()],
    [2, release],
  ]);
  const item: SettleCommand = { lease: name, outcome, sent: outcome.kind, jitter: 0 };
  known.sent.set(name, item);
  return item;
}

/**
 * One that no other job has but those of the same tree: of jobs of one priority the one that was inserted first is claimed
 * first, and which one of two that are inserted at the same time is the first is nobody's to say.
 */
function nextPriority(known: Known): number {
  known.made += 1;
  return known.made;
}

function sessionOf(names: Names, client: number): SessionRef {
  return { sessionId: names.session(client), epoch: 1 };
}

function rootId(names: Names, index: number): JobId {
  return jobId(`${names.prefix}-r${index}`);
}
