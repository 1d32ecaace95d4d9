import type { StorabilityProblem } from "../../core/error-text.ts";
import type { ProgressItem, StageAnswer, StageItem } from "../stage.ts";
import { type Bulk, createBulk } from "./bulk.ts";
import type { Connection } from "./connection.ts";
import type { EncodedRow } from "./encode-job.ts";
import { encodeNodes } from "./encode-settle.ts";
import { integerMax } from "./integer-max.ts";
import { isLeaseId, seqOfLease } from "./lease-id.ts";

/** What the function answers of one frame; null: lost. */
type Said =
  | readonly [kind: "staged", total: number]
  | readonly [kind: "gap", expected: number]
  | readonly [kind: "refused", problem: StorabilityProblem]
  | null;

export async function stage(connection: Connection, items: readonly StageItem[]): Promise<readonly StageAnswer[]> {
  const bulk = createBulk();
  const frames = items.flatMap((item, index) => (isLeaseId(item.leaseId) ? [encodeFrame(bulk, item, index)] : []));
  const [row] = await connection.write<{ readonly said: readonly Said[] }>(() => ({
    text: `SELECT ${connection.schema}.stage_frames($1, $2, $3, $4) AS said`,
    values: [bulk.lanes, bulk.names, bulk.bytes(), JSON.stringify(frames)],
  }));
  if (row === undefined) throw new Error("stage_frames answered nothing");
  const answers = new Map(frames.map(({ i }, place) => [i, decode(row.said[place] ?? null)]));
  return items.map((_item, index) => answers.get(index) ?? { kind: "lost" });
}

/** A frame by itself: its rows are numbered, and their payloads found, from its own beginning. */
function encodeFrame(bulk: Bulk, { leaseId, seq, nodes }: StageItem, index: number) {
  const { n, ...rest } = encodeNodes(bulk, nodes);
  const [first] = n;
  const offset = first?.o ?? 1;
  const rows = n.map((row, place): EncodedRow => ({ ...row, s: place + 1, o: row.o - offset + 1 }));
  const length = nodes.reduce((sum, { job }) => sum + job.payload.bytes.length, 0);
  return {
    ...rest,
    i: index,
    q: seqOfLease(leaseId),
    l: leaseId,
    f: Math.min(seq, integerMax),
    n: rows,
    o: offset,
    z: length,
  };
}

function decode(said: Said): StageAnswer {
  switch (said?.[0]) {
    case undefined:
      return { kind: "lost" };
    case "staged":
      return { kind: "staged", total: said[1] };
    case "gap":
      return { kind: "gap", expected: said[1] };
    case "refused":
      return { kind: "refused", problem: said[1] };
    default:
      return said satisfies never;
  }
}

/** The last item of a lease is its newest progress. */
export async function report(connection: Connection, items: readonly ProgressItem[]): Promise<void> {
  const newest = new Map(items.filter(({ leaseId }) => isLeaseId(leaseId)).map((item) => [item.leaseId, item.bytes]));
  if (newest.size === 0) return;
  const bulk = createBulk();
  const pieces = [...newest.values()].map((bytes) => bulk.piece(bytes));
  await connection.write(() => ({
    text: `SELECT ${connection.schema}.report_progress($1, $2, $3, $4, $5, $6)`,
    values: [
      connection.nowMs(),
      [...newest.keys()].map(seqOfLease),
      [...newest.keys()],
      pieces.map(({ offset }) => offset),
      pieces.map(({ length }) => length),
      bulk.bytes(),
    ],
  }));
}
