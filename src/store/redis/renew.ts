import { reasonOf } from "../codes.ts";
import type { RenewAnswer, RenewItem } from "../commit.ts";
import { readLease } from "./effects.ts";
import { listOf, numberOf, type Packable, type Unpacked } from "./msgpack.ts";
import { type LeasePlace, leasePlace } from "./shards.ts";

type Cancels = Extract<RenewAnswer, { kind: "renewed" }>["cancels"];

/** What one shard is told of a renewal. */
export interface RenewPart {
  readonly item: RenewItem;
  /** Those of its buffered leases that are of this shard. */
  readonly buffered: readonly LeasePlace[];
}

/** A renewal's part for each shard. */
export function splitRenew(item: RenewItem, shards: number): readonly RenewPart[] {
  const parts = Array.from({ length: shards }, (): { item: RenewItem; buffered: LeasePlace[] } => ({
    item,
    buffered: [],
  }));
  for (const leaseId of new Set(item.buffered)) {
    const place = leasePlace(leaseId, shards);
    if (place !== undefined) parts[place.shard]?.buffered.push(place);
  }
  return parts;
}

/** As `lua/sessions.lua` takes it. */
export function packRenew({ item, buffered }: RenewPart): Packable {
  return [item.sessionId, item.epoch, item.ttlMs, buffered.flatMap(({ job, nonce }) => [job, nonce])];
}

export function readRenewed(shard: number, answer: Unpacked): RenewAnswer {
  if (answer === false) return { kind: "gone" };
  const flat = listOf(answer);
  const cancels: Cancels[number][] = [];
  for (let index = 0; index < flat.length; index += 3) {
    const reason = reasonOf(numberOf(flat[index + 2]));
    if (reason !== undefined) cancels.push({ leaseId: readLease(shard, flat[index], flat[index + 1]), reason });
  }
  return { kind: "renewed", cancels };
}

/** The answers of all shards as one: renewed only where every shard has the session. */
export function mergeRenewed(answers: readonly RenewAnswer[]): RenewAnswer {
  const cancels: Cancels[number][] = [];
  for (const answer of answers) {
    if (answer.kind === "gone") return answer;
    cancels.push(...answer.cancels);
  }
  return { kind: "renewed", cancels };
}
