import type { JobId, LeaseId, SessionId } from "../../core/names.ts";
import { reasonOf, stateOf } from "../codes.ts";
import type { Effects } from "../effects.ts";
import { laneOf } from "./lane-table.ts";
import { listOf, numberOf, textOf, type Unpacked } from "./msgpack.ts";
import { leaseIdOf } from "./shards.ts";

export const noEffects: Effects = {
  readied: [],
  ended: [],
  cancels: [],
  propagateDue: false,
  cascadeDue: false,
  expandDue: false,
  dueAt: undefined,
};

/** Reads the effects of `lua/effects.lua` on one shard. */
export function readEffects(shard: number, packed: Unpacked | undefined): Effects {
  const [lanes, ended, cancels, propagateDue, cascadeDue, dueAt, expandDue] = listOf(packed);
  return {
    readied: listOf(lanes).map((name) => laneOf(textOf(name))),
    ended: readEnded(listOf(ended)),
    cancels: listOf(cancels).flatMap((cancel) => {
      const [sessionId, job, nonce, code] = listOf(cancel);
      const reason = reasonOf(numberOf(code));
      // Names in the store were checked before they were stored.
      return reason === undefined
        ? []
        : [{ sessionId: textOf(sessionId) as SessionId, leaseId: readLease(shard, job, nonce), reason }];
    }),
    propagateDue: propagateDue === 1,
    cascadeDue: cascadeDue === 1,
    expandDue: expandDue === 1,
    dueAt: dueAt === -1 ? undefined : numberOf(dueAt),
  };
}

/** The lease of a job number and a nonce. */
export function readLease(shard: number, job: Unpacked | undefined, nonce: Unpacked | undefined): LeaseId {
  return leaseIdOf({ shard, job: numberOf(job), nonce: textOf(nonce) });
}

function readEnded(flat: readonly Unpacked[]): Effects["ended"] {
  const ended: Effects["ended"][number][] = [];
  for (let index = 0; index < flat.length; index += 2) {
    ended.push({ id: textOf(flat[index]) as JobId, state: stateOf(numberOf(flat[index + 1])) });
  }
  return ended;
}

/** The effects of steps on several shards as those of one. */
export function mergeEffects(all: readonly Effects[]): Effects {
  const [only] = all;
  if (only !== undefined && all.length === 1) return only;
  const lanes = new Map(all.flatMap(({ readied }) => readied.map((lane) => [`${lane.queue} ${lane.type}`, lane])));
  const dueAts = all.flatMap(({ dueAt }) => (dueAt === undefined ? [] : [dueAt]));
  return {
    readied: [...lanes.values()],
    ended: all.flatMap(({ ended }) => ended),
    cancels: all.flatMap(({ cancels }) => cancels),
    propagateDue: all.some(({ propagateDue }) => propagateDue),
    cascadeDue: all.some(({ cascadeDue }) => cascadeDue),
    expandDue: all.some(({ expandDue }) => expandDue),
    dueAt: dueAts.length === 0 ? undefined : Math.min(...dueAts),
  };
}
