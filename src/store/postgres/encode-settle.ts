import { type RecordedErrorName, recordedError } from "../../core/error-text.ts";
import { fingerprintRest } from "../../core/fingerprint.ts";
import type { JobError, NewNode, Outcome, ServerDefaults } from "../../core/job.ts";
import { Sent } from "../codes.ts";
import type { SettleItem } from "../commit.ts";
import type { Bulk } from "./bulk.ts";
import { type EncodedRow, encodeDeclared } from "./encode-job.ts";
import { isLeaseId, seqOfLease } from "./lease-id.ts";

type Json = string | number | boolean | undefined | readonly (number | EncodedRow)[];

/** Outcomes as the function settle_batch takes them; the short names are told in functions/05-settle.sql. */
export interface EncodedSettles {
  /** Successes that declare nothing, of jobs that the batch names once (by whichever lease), by their numbers; `type` 0: no result. */
  readonly done: readonly Done[];
  readonly items: readonly { readonly [short: string]: Json }[];
}

interface Done {
  readonly index: number;
  readonly seq: number;
  readonly leaseId: string;
  readonly type: number;
  readonly offset: number;
  readonly length: number;
}

export function encodeSettles(bulk: Bulk, settles: readonly SettleItem[]): EncodedSettles {
  const seen = new Set<number>();
  const several = new Set<number>();
  for (const { leaseId } of settles) {
    const seq = isLeaseId(leaseId) ? seqOfLease(leaseId) : 0;
    if (seen.has(seq)) several.add(seq);
    seen.add(seq);
  }
  const done: Done[] = [];
  const items: EncodedSettles["items"][number][] = [];
  for (const [index, item] of settles.entries()) {
    const { leaseId, outcome } = item;
    if (!isLeaseId(leaseId)) continue; // nobody's: answered as lost
    const isPlain = outcome.kind === "success" && item.sent === "success" && declaresNothing(outcome);
    const seq = seqOfLease(leaseId);
    if (isPlain && item.problem === undefined && !several.has(seq)) {
      done.push({ index, seq, leaseId, ...encodeResult(bulk, outcome.result) });
    } else items.push(encodeItem(bulk, item, index));
  }
  done.sort((left, right) => left.seq - right.seq);
  return { done, items };
}

function declaresNothing({ nodes, staged = 0 }: Extract<Outcome, { kind: "success" }>): boolean {
  return nodes.length === 0 && staged === 0;
}

function encodeItem(bulk: Bulk, item: SettleItem, index: number): EncodedSettles["items"][number] {
  return {
    i: index,
    q: seqOfLease(item.leaseId),
    l: item.leaseId,
    k: Sent[item.outcome.kind],
    s: Sent[item.sent],
    j: item.jitter,
    p: item.problem,
    ...encodeOutcome(bulk, item.outcome),
  };
}

function encodeOutcome(bulk: Bulk, outcome: Outcome): { readonly [short: string]: Json } {
  switch (outcome.kind) {
    case "success": {
      const { type, offset, length } = encodeResult(bulk, outcome.result);
      const staged = (outcome.staged ?? 0) === 0 ? {} : { st: outcome.staged };
      const result = type === 0 ? staged : { ...staged, r: [type, offset, length] };
      return outcome.nodes.length === 0 ? result : { ...result, ...encodeNodes(bulk, outcome.nodes) };
    }
    case "failure":
      return { ...encodeError(outcome.error), a: outcome.retryAfterMs, t: outcome.timedOut };
    case "discard":
      return encodeError(outcome.error);
    case "snooze":
      return { d: outcome.delayMs };
    case "release":
      return {};
    case "cancel":
      return outcome.message === ""
        ? {}
        : { e: JSON.stringify({ name: "CANCELLED", message: outcome.message, stack: "" }) };
    default:
      return outcome satisfies never;
  }
}

interface EncodedNodes {
  readonly [short: string]: Json;
  readonly n: readonly EncodedRow[];
}

function encodeResult(bulk: Bulk, result: Extract<Outcome, { kind: "success" }>["result"]) {
  if (result === undefined) return { type: 0, offset: 1, length: 0 };
  return { type: bulk.name(result.type), ...bulk.piece(result.bytes) };
}

/** Declared nodes: `n` their rows, `hs` how many are heirs, `dk` what repeats among them. */
export function encodeNodes(bulk: Bulk, nodes: readonly NewNode[]): EncodedNodes {
  const keys = nodes.map(({ edge }) => edge.key).filter((key) => key !== "");
  const isTwice = new Set(keys).size < keys.length;
  const results = nodes.filter(({ edge }) => edge.asResult).length;
  return {
    n: nodes.map((node, place) => encodeDeclared(bulk, node, place)),
    hs: nodes.filter(({ edge }) => edge.role === "HEIR").length,
    dk: isTwice ? "DUPLICATE_KEY" : results > 1 ? "TREE_INVALID" : undefined,
  };
}

/** An error as JSON text, which holds what a text of PostgreSQL cannot (U+0000, lone surrogates), and what is hashed after the job's type. */
function encodeError(error: JobError): { readonly e: string; readonly f: string } {
  const { name, message, stack } = error;
  // The units of UTF-16, the higher byte first.
  const rest = Buffer.from(fingerprintRest(error), "utf16le").swap16().toString("hex");
  return { e: JSON.stringify({ name, message, stack }), f: rest };
}

const recordedNames: readonly RecordedErrorName[] = [
  "WORKER_LOST",
  "SNOOZE_LIMIT",
  "CHAIN_TOO_DEEP",
  "CHAIN_TOO_LARGE",
  "TOO_MANY_CHILDREN",
  "TOO_MANY_HEIRS",
  "DUPLICATE_KEY",
  "TREE_INVALID",
  "STAGE_INCOMPLETE",
];

/** What the functions need of the server's defaults and of core's texts, as JSON. */
export function encodeDefaults({ maxAttempts, backoff, crashLimit }: ServerDefaults): string {
  const errors = Object.fromEntries(recordedNames.map((name) => [name, encodeError(recordedError(name))]));
  return JSON.stringify({ maxAttempts, backoff, crashLimit, errors });
}
