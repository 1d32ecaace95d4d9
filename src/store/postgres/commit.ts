import { type ErrorCode, errorStatus } from "../../core/errors.ts";
import type { JobId, LeaseId } from "../../core/names.ts";
import { recordedOf, stateOf } from "../codes.ts";
import type {
  ClaimItem,
  CommitAnswer,
  CommitBatch,
  InsertAnswer,
  InsertItem,
  RenewAnswer,
  SettleAnswer,
  SettleItem,
} from "../commit.ts";
import type { Effects } from "../effects.ts";
import { type Bulk, createBulk } from "./bulk.ts";
import type { Connection, Value } from "./connection.ts";
import { decodeClaims, type LanesById, type LeaseTuple } from "./decode-claim.ts";
import { decodeEffects, type EncodedEffects, reasonGiven } from "./effects.ts";
import { type EncodedInserts, encodeInserts } from "./encode-insert.ts";
import { type EncodedSettles, encodeSettles } from "./encode-settle.ts";
import { isLeaseId } from "./lease-id.ts";
import type { WriteDefaults } from "./write-defaults.ts";

interface CommitRow {
  readonly answer: {
    readonly renewed: readonly (readonly (readonly [lease: LeaseId, reason: number])[] | null)[];
    /** Ids of the jobs that were completed at once, by number. */
    readonly done: Readonly<Record<string, JobId>> | null;
    readonly settled: readonly SettleTuple[];
    readonly inserted: readonly (readonly [index: number, said: InsertSaid])[];
    readonly counts: readonly (number | null)[];
    readonly leases: readonly LeaseTuple[] | null;
    readonly lanes: LanesById | null;
    readonly effects: EncodedEffects;
  };
  readonly payloads: Uint8Array | null;
}

/** Only the index: lost. Below 0 it is a place in the list of plain successes, from -1. */
type SettleTuple = readonly [
  index: number,
  kind?: "accepted" | "repeated" | "conflict",
  jobId?: JobId,
  recorded?: number,
  state?: number,
  problem?: string | null,
];

interface InsertSaid {
  readonly refused?: readonly [index: number, code: Extract<InsertAnswer, { kind: "refused" }>["code"], id: JobId];
  readonly repeats?: readonly (JobId | null)[];
}

/** The write verb of the hot path: one call of one function. */
export async function commit(
  connection: Connection,
  defaults: WriteDefaults,
  batch: CommitBatch,
): Promise<CommitAnswer> {
  const bulk = createBulk();
  const settles = encodeSettles(bulk, batch.settle);
  const inserts = encodeInserts(bulk, batch.insert);
  const [row] = await connection.write<CommitRow>((again) => ({
    text: `SELECT answer, payloads FROM ${connection.schema}.commit_batch(
      $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)`,
    values: valuesOf(connection, { defaults, batch, bulk, settles, inserts, again }),
  }));
  if (row === undefined) throw new Error("commit_batch answered nothing");
  const { answer, payloads } = row;
  const completed = Object.values(answer.done ?? {}).map((id) => ({ id, state: "COMPLETED" as const }));
  const effects: Effects = decodeEffects(answer.effects);
  return {
    renewed: answer.renewed.map(decodeRenewal),
    settled: decodeSettles(settles, batch.settle, answer),
    inserted: decodeInserts(batch.insert, answer.inserted),
    claimed: decodeClaims(batch.claim, { ...answer, payloads, defaults: defaults.server }),
    effects: { ...effects, ended: [...completed, ...effects.ended] },
  };
}

function valuesOf(
  connection: Connection,
  call: {
    readonly defaults: WriteDefaults;
    readonly batch: CommitBatch;
    readonly bulk: Bulk;
    readonly settles: EncodedSettles;
    readonly inserts: EncodedInserts;
    readonly again: boolean;
  },
): readonly Value[] {
  const { batch, bulk, settles, inserts } = call;
  const { done, items } = settles;
  const { alike } = inserts;
  return [
    connection.nowMs(),
    batch.settle.length === 0 ? null : call.defaults.encoded,
    bulk.lanes,
    bulk.names,
    bulk.slots,
    bulk.bytes(),
    JSON.stringify(
      batch.renew.map((item) => ({
        i: item.sessionId,
        n: item.epoch,
        t: Math.ceil(item.ttlMs),
        b: [...new Set(item.buffered)].filter(isLeaseId),
      })),
    ),
    done.map(({ seq }) => seq),
    done.map(({ leaseId }) => leaseId),
    done.map(({ type }) => type),
    done.map(({ offset }) => offset),
    done.map(({ length }) => length),
    JSON.stringify(items),
    JSON.stringify(alike.shapes),
    alike.jobs.map(({ slot }) => slot),
    alike.jobs.map(({ index }) => index),
    alike.jobs.map(({ id }) => id),
    alike.jobs.map(({ requestId }) => requestId),
    alike.jobs.map(({ offset }) => offset),
    alike.jobs.map(({ length }) => length),
    JSON.stringify(inserts.plain),
    JSON.stringify(inserts.items),
    JSON.stringify(batch.claim.map((item) => encodeClaim(item, call.again))),
  ];
}

function encodeClaim(item: ClaimItem, again: boolean) {
  return {
    i: item.sessionId,
    n: item.epoch,
    o: item.nonce,
    g: again || item.again === true,
    // Tells tries apart that arrive in another order than they were sent in.
    w: Math.floor((performance.timeOrigin + performance.now()) * 1_000),
    m: item.jobsMax,
    b: Number.isFinite(item.bytesMax) ? item.bytesMax : undefined,
    q: item.lanes.map(({ queue, types, jobsMax }) => ({ n: queue, t: types, m: jobsMax })),
  };
}

function decodeRenewal(cancels: CommitRow["answer"]["renewed"][number]): RenewAnswer {
  if (cancels === null) return { kind: "gone" };
  return { kind: "renewed", cancels: cancels.map(([leaseId, reason]) => ({ leaseId, reason: reasonGiven(reason) })) };
}

function decodeSettles(
  { done }: EncodedSettles,
  items: readonly SettleItem[],
  answer: CommitRow["answer"],
): readonly SettleAnswer[] {
  const answers: SettleAnswer[] = items.map(() => ({ kind: "lost" }));
  for (const { index, seq } of done) {
    const jobId = answer.done?.[seq];
    if (jobId === undefined) continue;
    answers[index] = { kind: "accepted", jobId, recorded: "SUCCEEDED", state: "COMPLETED", problem: undefined };
  }
  for (const tuple of answer.settled) {
    const index = tuple[0] < 0 ? done[-tuple[0] - 1]?.index : tuple[0];
    if (index !== undefined) answers[index] = decodeSettle(tuple);
  }
  return answers;
}

function decodeSettle([, kind, jobId, recorded = 0, state = 0, problem]: SettleTuple): SettleAnswer {
  if (kind === undefined || jobId === undefined) return { kind: "lost" };
  if (kind === "conflict") return { kind, jobId, recorded: recordedOf(recorded) };
  return { kind, jobId, recorded: recordedOf(recorded), state: stateOf(state), problem: codeOf(problem) };
}

function codeOf(text: string | null | undefined): ErrorCode | undefined {
  return typeof text === "string" && text in errorStatus ? (text as ErrorCode) : undefined;
}

function decodeInserts(
  items: readonly InsertItem[],
  answered: CommitRow["answer"]["inserted"],
): readonly InsertAnswer[] {
  const said = new Map(answered);
  return items.map(({ trees }, index) => {
    const { refused, repeats } = said.get(index) ?? {};
    if (refused !== undefined) {
      const [at, code, id] = refused;
      return { kind: "refused", index: at, code, id };
    }
    const roots = trees.map(({ root }, place) => {
      const repeated = repeats?.[place] ?? undefined;
      return { id: repeated ?? root.id, deduplicated: repeated !== undefined };
    });
    return { kind: "inserted", roots };
  });
}
