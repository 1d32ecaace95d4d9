import { createHash } from "node:crypto";
import type { NewJob, NewTree } from "../../core/job.ts";
import type { JobId } from "../../core/names.ts";
import type { InsertAnswer, InsertItem } from "../commit.ts";
import { ask } from "./ask.ts";
import { shardsOf, type Writing, write } from "./calls.ts";
import type { Connection } from "./connection.ts";
import { findJobs } from "./find-jobs.ts";
import { listOf, numberOf, type Packable, textOf, type Unpacked } from "./msgpack.ts";
import { shardOf } from "./shards.ts";

/** An item once its request ids have been looked up. */
export interface Reserved {
  /** Trees that are still to be inserted (or found by their id) on their shard, at their index in the item. */
  readonly left: readonly { readonly index: number; readonly tree: NewTree }[];
  /** Trees that repeat a request, with the job of the first. */
  readonly repeats: readonly { readonly index: number; readonly id: JobId }[];
  readonly refusal: Extract<InsertAnswer, { kind: "refused" }> | undefined;
  /** What was reserved for this item just now. */
  readonly fresh: readonly Reservation[];
}

export interface Reservation {
  readonly requestId: string;
  readonly rootId: JobId;
}

/** A reservation whose job has not come by then will not come: longer than any call is tried. */
const staleMs = 60_000;
const Operation = { reserve: 1, release: 2, replace: 3 } as const;

/** A tree whose root has a request id. */
interface Asked {
  readonly item: number;
  readonly index: number;
  readonly tree: NewTree;
  readonly requestId: string;
}

/** What is known of a request id: the job that it stands for. */
interface Known {
  readonly rootId: JobId;
  readonly isSame: boolean;
  readonly ageMs: number;
  readonly isMine: boolean;
}

/**
 * Reserves the request ids of these items, each on its own shard, and finds out which trees repeat what another job was made of.
 * A tree whose request stands for a job that never came takes that job's id, so that both tries are one job.
 */
export async function findRepeats(writing: Writing, items: readonly InsertItem[]): Promise<readonly Reserved[]> {
  const asked = items.flatMap(({ trees }, item) =>
    trees.flatMap((tree, index): Asked[] => {
      const { requestId } = tree.root;
      return requestId === undefined ? [] : [{ item, index, tree, requestId }];
    }),
  );
  if (asked.length === 0) return items.map(untouched);
  const known = (
    await askHomes(writing, asked, ({ requestId, tree }) => [
      Operation.reserve,
      requestId,
      tree.root.id,
      hashOf(tree.root),
    ])
  ).map(readKnown);
  const decisions = await decideAll(writing, asked, known);
  return items.map((item, index) =>
    gather(
      item,
      decisions.filter((each) => each.asked.item === index),
    ),
  );
}

function untouched({ trees }: InsertItem): Reserved {
  return { left: trees.map((tree, index) => ({ index, tree })), repeats: [], refusal: undefined, fresh: [] };
}

interface Decision {
  readonly asked: Asked;
  readonly kind: "insert" | "repeat" | "refuse";
  /** The job that it is or repeats. */
  readonly id: JobId;
}

async function decideAll(
  writing: Writing,
  asked: readonly Asked[],
  known: readonly Known[],
): Promise<readonly Decision[]> {
  const foreign = known.flatMap(({ isMine, rootId }, place) => {
    const own = asked[place]?.tree.root.id;
    return isMine || own === undefined ? [] : [own, rootId];
  });
  const present = await findPresent(writing.connection, foreign);
  return Promise.all(
    asked.map(async (each, place): Promise<Decision> => {
      const one = known[place];
      const own = each.tree.root.id;
      if (one === undefined || one.isMine || present.has(own)) return { asked: each, kind: "insert", id: own };
      const { rootId: id, isSame, ageMs } = one;
      if (present.has(id)) return { asked: each, kind: isSame ? "repeat" : "refuse", id };
      if (ageMs > staleMs) return replace(writing, each, id);
      return { asked: each, kind: isSame ? "insert" : "refuse", id };
    }),
  );
}

async function replace(writing: Writing, asked: Asked, before: JobId): Promise<Decision> {
  const { requestId, tree } = asked;
  const [answer = false] = await askHomes(writing, [asked], () => {
    return [Operation.replace, requestId, tree.root.id, hashOf(tree.root), before];
  });
  const { isMine, rootId } = readKnown(answer);
  return { asked, kind: isMine ? "insert" : "refuse", id: rootId };
}

function gather({ trees }: InsertItem, decisions: readonly Decision[]): Reserved {
  const byIndex = new Map(decisions.map((each) => [each.asked.index, each]));
  const refused = decisions.find(({ kind }) => kind === "refuse");
  return {
    left: trees.flatMap((tree, index) => {
      const decision = byIndex.get(index);
      if (decision === undefined) return [{ index, tree }];
      if (decision.kind !== "insert") return [];
      return [{ index, tree: { ...tree, root: { ...tree.root, id: decision.id } } }];
    }),
    repeats: decisions.flatMap(({ asked, kind, id }) => (kind === "repeat" ? [{ index: asked.index, id }] : [])),
    refusal:
      refused === undefined
        ? undefined
        : { kind: "refused", index: refused.asked.index, code: "REQUEST_ID_REUSED", id: refused.id },
    fresh: decisions.flatMap(({ asked, kind, id }) => {
      return kind === "insert" ? [{ requestId: asked.requestId, rootId: id }] : [];
    }),
  };
}

/** Gives request ids free whose job was refused; not those whose job is there, by whomever. */
export async function releaseAll(writing: Writing, reservations: readonly Reservation[]): Promise<void> {
  if (reservations.length === 0) return;
  const present = await findPresent(
    writing.connection,
    reservations.map(({ rootId }) => rootId),
  );
  await release(
    writing,
    reservations.filter(({ rootId }) => !present.has(rootId)),
  );
}

/** Gives request ids free, each as far as it stands for this root. */
export async function release(writing: Writing, reservations: readonly Reservation[]): Promise<void> {
  await askHomes(writing, reservations, ({ requestId, rootId }) => [Operation.release, requestId, rootId]);
}

/** Those of these roots that are there, or were removed so lately that they still answer repeats. */
async function findPresent(connection: Connection, ids: readonly JobId[]): Promise<ReadonlySet<JobId>> {
  const found = await findJobs(connection, ids);
  const missing = ids.filter((_, place) => found[place] === undefined);
  const { shards } = connection;
  const remembered = await Promise.all(
    [...new Set(missing.map((id) => shardOf(id, shards)))].map(async (shard) => {
      const asked = missing.filter((id) => shardOf(id, shards) === shard);
      const answers = listOf(await ask(connection, shard, "remembered", asked));
      return asked.filter((_, place) => answers[place] === 1);
    }),
  );
  return new Set([...ids.filter((_, place) => found[place] !== undefined), ...remembered.flat()]);
}

/** Asks the shard of each request id, one run of the script on each; answers in the order asked. */
async function askHomes<Each extends { readonly requestId: string }>(
  writing: Writing,
  all: readonly Each[],
  requestOf: (each: Each) => Packable,
): Promise<readonly Unpacked[]> {
  const { shards } = writing.connection;
  const answers: Unpacked[] = [];
  await Promise.all(
    shardsOf(writing).map(async (shard) => {
      const places = all.flatMap(({ requestId }, place) => (shardOf(requestId, shards) === shard ? [place] : []));
      if (places.length === 0) return;
      const request = places.flatMap((place) => {
        const each = all[place];
        return each === undefined ? [] : [requestOf(each)];
      });
      const part = listOf(await write(writing, { script: "reserve", shard, request }));
      for (const [index, place] of places.entries()) answers[place] = part[index] ?? false;
    }),
  );
  return answers;
}

function readKnown(answer: Unpacked): Known {
  const [rootId, isSame, ageMs, isMine] = listOf(answer);
  // Names in the store were checked before they were stored.
  return { rootId: textOf(rootId) as JobId, isSame: isSame === 1, ageMs: numberOf(ageMs), isMine: isMine === 1 };
}

function hashOf({ payload }: NewJob): Buffer {
  return createHash("sha256").update(payload.type).update("\0").update(payload.bytes).digest();
}
