import type { StorabilityProblem } from "../../core/error-text.ts";
import type { NewNode } from "../../core/job.ts";
import type { ProgressItem, StageAnswer, StageItem } from "../stage.ts";
import { type Writing, write } from "./calls.ts";
import { LaneTable } from "./lane-table.ts";
import { listOf, numberOf, type Packable, pack, textOf, type Unpacked } from "./msgpack.ts";
import { packNode } from "./new-job.ts";
import { type LeasePlace, leasePlace } from "./shards.ts";

/** Nodes that are kept as one value, and put into the chain in one go where there is room for them. */
const pieceNodes = 250;

const Answer = { staged: 0, gap: 1, refused: 2 } as const;

/** Keeps frames of children under the leases of their parents, each on its shard. */
export async function stage(writing: Writing, items: readonly StageItem[]): Promise<readonly StageAnswer[]> {
  const answers = await askLeases(writing, "stage", items, (item, { job, nonce }) => {
    const keys = item.nodes.map(({ edge }) => edge.key).filter((key) => key !== "");
    return [job, nonce, item.seq, item.nodes.length, keys, piecesOf(item.nodes)];
  });
  return answers.map(readAnswer);
}

/** Keeps the newest progress of running jobs, each on its shard. */
export async function report(writing: Writing, items: readonly ProgressItem[]): Promise<void> {
  await askLeases(writing, "report", items, ({ bytes }, { job, nonce }) => [job, nonce, bytes]);
}

function piecesOf(nodes: readonly NewNode[]): readonly Buffer[] {
  const pieces: Buffer[] = [];
  for (let first = 0; first < nodes.length; first += pieceNodes) {
    const lanes = new LaneTable();
    const packed = nodes.slice(first, first + pieceNodes).map((node) => packNode(node, lanes));
    pieces.push(pack([lanes.names, packed]));
  }
  return pieces;
}

/** Runs a script on the shards of these leases; answers at the index of their item, false for what is no lease of this store. */
async function askLeases<Item extends { readonly leaseId: string }>(
  writing: Writing,
  script: "stage" | "report",
  items: readonly Item[],
  requestOf: (item: Item, place: LeasePlace) => Packable,
): Promise<readonly Unpacked[]> {
  const parts = new Map<number, { readonly request: Packable[]; readonly indexes: number[] }>();
  for (const [index, item] of items.entries()) {
    const place = leasePlace(item.leaseId, writing.connection.shards);
    if (place === undefined) continue;
    const part = parts.get(place.shard) ?? { request: [], indexes: [] };
    parts.set(place.shard, part);
    part.request.push(requestOf(item, place));
    part.indexes.push(index);
  }
  const answers: Unpacked[] = items.map(() => false);
  await Promise.all(
    [...parts].map(async ([shard, { request, indexes }]) => {
      const answer = await write(writing, { script, shard, request });
      if (answer === true) return;
      for (const [place, index] of indexes.entries()) answers[index] = listOf(answer)[place] ?? false;
    }),
  );
  return answers;
}

function readAnswer(answer: Unpacked): StageAnswer {
  if (answer === false) return { kind: "lost" };
  const [kind, value] = listOf(answer);
  if (kind === Answer.staged) return { kind: "staged", total: numberOf(value) };
  if (kind === Answer.gap) return { kind: "gap", expected: numberOf(value) };
  // Written by `lua/declare.lua` alone.
  return { kind: "refused", problem: textOf(value) as StorabilityProblem };
}
