import { type ErrorCode, errorStatus } from "../../core/errors.ts";
import type { JobError, Outcome, TypedBytes } from "../../core/job.ts";
import { limits } from "../../core/limits.ts";
import type { JobId } from "../../core/names.ts";
import { recordedOf, Sent, stateOf } from "../codes.ts";
import type { SettleAnswer, SettleItem } from "../commit.ts";
import { hashedText } from "./call-context.ts";
import type { LaneTable } from "./lane-table.ts";
import { bytesOf, listOf, numberOf, type Packable, pack, textOf, type Unpacked } from "./msgpack.ts";
import { packNode } from "./new-job.ts";
import type { LeasePlace } from "./shards.ts";

/** Outcomes as `lua/settle.lua` takes them: successes that declare nothing, the most of them, without a list of their own. */
export function packSettles(
  items: readonly { readonly item: SettleItem; readonly place: LeasePlace }[],
  lanes: LaneTable,
): Packable {
  const flat: Packable[] = [];
  for (const { item, place } of items) {
    const { outcome } = item;
    if (isPlain(item)) flat.push(place.job, place.nonce, outcome.kind === "success" && packResult(outcome.result));
    else flat.push(packSettle(item, place, lanes));
  }
  return flat;
}

/** A success that declares nothing. */
function isPlain({ outcome, sent, problem }: SettleItem): boolean {
  if (outcome.kind !== "success" || sent !== "success" || problem !== undefined) return false;
  return outcome.nodes.length === 0 && (outcome.staged ?? 0) === 0;
}

/** The random parts of the plain ones, in their order, for those that are refused after all. */
export function packJitters(items: readonly { readonly item: SettleItem }[]): Buffer {
  const plain = items.filter(({ item }) => isPlain(item));
  const jitters = Buffer.allocUnsafe(plain.length * 8);
  for (const [index, { item }] of plain.entries()) jitters.writeDoubleLE(item.jitter, index * 8);
  return jitters;
}

function packResult(result: TypedBytes | undefined): Packable {
  return result === undefined ? false : pack([result.type, result.bytes]);
}

function packSettle(item: SettleItem, place: LeasePlace, lanes: LaneTable): Packable {
  const { outcome, sent, problem = false, jitter } = item;
  const head = [Sent[outcome.kind], place.job, place.nonce, Sent[sent], problem];
  return [...head, ...packOutcome(outcome, jitter, lanes)];
}

function packOutcome(outcome: Outcome, jitter: number, lanes: LaneTable): readonly Packable[] {
  switch (outcome.kind) {
    case "success": {
      const { result, nodes, staged = 0 } = outcome;
      return [packResult(result), nodes.length > 0 && nodes.map((node) => packNode(node, lanes)), jitter, staged];
    }
    case "failure":
      return [...packError(outcome.error), outcome.timedOut ? 1 : 0, ownWait(outcome.retryAfterMs), jitter];
    case "discard":
      return packError(outcome.error);
    case "snooze":
      return [outcome.delayMs, jitter];
    case "release":
      return [];
    case "cancel":
      return [outcome.message];
    default:
      return outcome satisfies never;
  }
}

function packError(error: JobError): readonly Packable[] {
  return [error.name, error.message, error.stack, hashedText(error)];
}

/** The wait that a handler asks for, if it is usable (see `backoffMs`); -1: the policy decides. */
function ownWait(askedMs: number | undefined): number {
  if (askedMs === undefined || !(askedMs > 0 && askedMs <= limits.backoffMsMax)) return -1;
  return Math.max(1, Math.round(askedMs));
}

// Ids and codes in the store were checked before they were stored.
export function readSettled(answer: Unpacked | undefined): SettleAnswer {
  if (answer === false) return { kind: "lost" };
  if (Buffer.isBuffer(answer)) {
    const jobId = answer.toString("latin1") as JobId;
    return { kind: "accepted", jobId, recorded: "SUCCEEDED", state: "COMPLETED", problem: undefined };
  }
  const [kind, id, recordedCode, state, problem] = listOf(answer);
  const jobId = bytesOf(id).toString("latin1") as JobId;
  const recorded = recordedOf(numberOf(recordedCode));
  if (kind === 2) return { kind: "conflict", jobId, recorded };
  return {
    kind: kind === 0 ? "accepted" : "repeated",
    jobId,
    recorded,
    state: stateOf(numberOf(state)),
    problem: problem === false ? undefined : problemOf(textOf(problem)),
  };
}

/** A success that its answer alone tells of: it is left out of the effects. */
export function completedBy(answer: Unpacked): JobId | undefined {
  return Buffer.isBuffer(answer) ? (answer.toString("latin1") as JobId) : undefined;
}

function problemOf(text: string): ErrorCode | undefined {
  return text in errorStatus ? (text as ErrorCode) : undefined;
}
