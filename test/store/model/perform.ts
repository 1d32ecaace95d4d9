import type { LeaseId } from "../../../src/core/names.ts";
import type { ClaimAnswer, CommitAnswer } from "../../../src/store/commit.ts";
import type { Effects } from "../../../src/store/effects.ts";
import type { Page, PageRequest } from "../../../src/store/query.ts";
import type { Store } from "../../../src/store/store.ts";
import { jobId } from "../jobs.ts";
import type { Command, CommitCommand, LeaseName } from "./command.ts";

/** One of the stores in lockstep, with its own ids for the leases. */
export interface Side {
  store: Store;
  readonly ids: Map<LeaseName, LeaseId>;
  readonly names: Map<LeaseId, LeaseName>;
}

export function sideOf(store: Store): Side {
  return { store, ids: new Map(), names: new Map() };
}

/** Does the command; the answer in a form that is the same for every store. */
export async function perform(side: Side, command: Command): Promise<unknown> {
  const { store } = side;
  switch (command.kind) {
    case "commit":
      return comparableCommit(side, await store.commit(commitBatch(side, command)));
    case "openSession":
      return store.openSession(command.session);
    case "resume": {
      const { sessionId, principal, ttlMs } = command;
      const held = command.held.map(({ lease, buffered }) => ({ leaseId: idOf(side, lease), buffered }));
      const answer = await store.resumeSession({ sessionId, principal, ttlMs, held });
      if (answer.kind === "gone") return answer;
      return {
        ...answer,
        kept: answer.kept.map((each) => ({ ...each, leaseId: nameOf(side, each.leaseId) })).sort(byText),
        lost: answer.lost.map((each) => nameOf(side, each)).sort(),
        effects: comparableEffects(side, answer.effects),
      };
    }
    case "detach":
      return store.detachSession({ ...command.session, graceMs: command.graceMs });
    case "close":
      return withEffects(side, await store.closeSession(command.session));
    case "promote":
      return withEffects(side, await store.promote({ max: command.max }));
    case "propagate":
      return withEffects(side, await store.propagate({ max: command.max }));
    case "cascade":
      return withEffects(side, await store.cascade({ max: command.max }));
    case "expand":
      return withEffects(side, await store.expand({ max: command.max }));
    case "prune":
      return withEffects(side, await store.prune({ max: command.max }));
    case "cancel":
      return withEffects(side, await store.cancel(command.items));
    case "retry":
      return withEffects(side, await store.retry(command.items));
    case "remove":
      return { answers: await store.remove(command.roots, { max: command.max }) };
    case "stage":
      return {
        answers: await store.stage(
          command.items.map(({ lease, ...item }) => ({ ...item, leaseId: idOf(side, lease) })),
        ),
      };
    case "report":
      return store.report(command.items.map(({ lease, bytes }) => ({ bytes, leaseId: idOf(side, lease) })));
    case "reap": {
      const { max, bufferedMsMax, jitter } = command;
      const answer = await store.reap({ max, bufferedMsMax, jitter });
      return {
        ...withEffects(side, answer),
        sessions: [...answer.sessions].sort(),
        taken: answer.taken.map((each) => ({ ...each, leaseId: nameOf(side, each.leaseId) })).sort(byText),
      };
    }
    case "updateQueue":
      return comparableRecord(await store.updateQueue(command.queue, command.change));
    case "read":
      return read(side, command);
    default:
      return command satisfies never;
  }
}

async function read(side: Side, command: Extract<Command, { kind: "read" }>): Promise<unknown> {
  const { store } = side;
  const { id, filter, size, depthMax, lease } = command;
  const children = { completedOnly: filter.includeChainFailed, bytesMax: 40 };
  return {
    job: comparableRecord(await store.getJob(id)),
    list: (await pages(size, (page) => store.listJobs(filter, page)))?.map(comparableRecord),
    chain: await pages(size, (page) => store.getChain(id, { ...page, depthMax })),
    statuses: (
      await store.getStatuses([
        id,
        jobId("nobody"),
        ...[filter.parentId, filter.rootId].filter((each) => each !== undefined),
      ])
    ).map((each) => each && { state: each.state, ran: each.ran }),
    time: await store.readTime(),
    principal: await store.leasePrincipal(idOf(side, lease)),
    children: await pages(size, (page) => store.listChildResults(idOf(side, lease), children, page)),
    queue: comparableRecord(filter.queue === undefined ? undefined : await store.getQueue(filter.queue)),
  };
}

/** All pages, each item with the number of its page. */
async function pages<T>(
  size: number,
  get: (page: PageRequest) => Promise<Page<T> | undefined>,
): Promise<(T & { page: number })[] | undefined> {
  const found: (T & { page: number })[] = [];
  let cursor: string | undefined;
  for (let page = 0; page < 1_000; page += 1) {
    const answer = await get({ size, cursor });
    if (answer === undefined) return undefined;
    found.push(...answer.items.map((item) => ({ ...item, page: answer.items.length === 0 ? 0 : page })));
    cursor = answer.cursor;
    if (cursor === undefined) return found;
  }
  throw new Error("pages without end");
}

function commitBatch(side: Side, command: CommitCommand): Parameters<Store["commit"]>[0] {
  return {
    renew: command.renew.map(({ buffered, ...item }) => ({
      ...item,
      buffered: buffered.map((each) => idOf(side, each)),
    })),
    settle: command.settle.map(({ lease, ...item }) => ({ ...item, leaseId: idOf(side, lease) })),
    insert: command.insert,
    claim: command.claim,
  };
}

function comparableCommit(side: Side, answer: CommitAnswer): unknown {
  const claimed = answer.claimed.map((each) => comparableClaim(side, each));
  const renewed = answer.renewed.map((each) => {
    if (each.kind === "gone") return each;
    return {
      ...each,
      cancels: each.cancels.map((one) => ({ ...one, leaseId: nameOf(side, one.leaseId) })).sort(byText),
    };
  });
  return { ...answer, renewed, claimed, effects: comparableEffects(side, answer.effects) };
}

/** Remembers the leases and gives them their names. */
function comparableClaim(side: Side, answer: ClaimAnswer): unknown {
  if (answer.kind === "gone") return answer;
  return answer.leases.map(({ leaseId, ...lease }) => {
    const name = `${lease.jobId}#${lease.attempt}`;
    side.ids.set(name, leaseId);
    side.names.set(leaseId, name);
    return { ...lease, lease: name };
  });
}

function withEffects<T extends { readonly effects: Effects }>(side: Side, answer: T): object {
  return { ...answer, effects: comparableEffects(side, answer.effects) };
}

function comparableEffects(side: Side, effects: Effects): unknown {
  return {
    ...effects,
    readied: [...new Set(effects.readied.map((lane) => `${lane.queue} ${lane.type}`))].sort(),
    ended: effects.ended.map((each) => `${each.id} ${each.state}`).sort(),
    cancels: effects.cancels.map((each) => ({ ...each, leaseId: nameOf(side, each.leaseId) })).sort(byText),
  };
}

/** Without what stores may count differently; of queues without lanes that hold nothing. */
function comparableRecord(record: object | undefined): unknown {
  if (record === undefined) return undefined;
  const { version: _version, updatedAt: _updatedAt, lanes, ...rest } = record as Record<string, unknown>; // any record
  return { ...rest, lanes: Array.isArray(lanes) ? lanes.map(withoutZeros).sort(byText) : lanes };
}

function withoutZeros(lane: { readonly type: string; readonly counts: object }): object {
  return {
    ...lane,
    counts: Object.fromEntries(
      Object.entries(lane.counts)
        .filter(([, count]) => count !== 0)
        .sort(),
    ),
  };
}

function idOf(side: Side, lease: LeaseName): LeaseId {
  return side.ids.get(lease) ?? (`forged.${lease}` as LeaseId); // no store made it
}

function nameOf(side: Side, leaseId: LeaseId): LeaseName {
  return side.names.get(leaseId) ?? leaseId.replace(/^forged\./, "");
}

function byText(left: object, right: object): number {
  const [first, second] = [JSON.stringify(left), JSON.stringify(right)];
  return first < second ? -1 : first > second ? 1 : 0;
}
