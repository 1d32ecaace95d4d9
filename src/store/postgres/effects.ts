import type { EndReason } from "../../core/job.ts";
import type { JobId, LeaseId, QueueName, SessionId, TypeName } from "../../core/names.ts";
import { reasonOf, stateOf } from "../codes.ts";
import type { Effects } from "../effects.ts";

/** As the function finish answers; what is not there did not happen. */
export interface EncodedEffects {
  readonly r?: readonly (readonly [queue: QueueName, type: TypeName])[] | null;
  readonly e?: readonly (readonly [id: JobId, state: number])[] | null;
  readonly c?: readonly (readonly [session: SessionId, lease: LeaseId, reason: number])[] | null;
  readonly p?: boolean | null;
  readonly k?: boolean | null;
  readonly x?: boolean | null;
  readonly d?: number | null;
}

export function decodeEffects(effects: EncodedEffects): Effects {
  return {
    readied: (effects.r ?? []).map(([queue, type]) => ({ queue, type })),
    ended: (effects.e ?? []).map(([id, state]) => ({ id, state: stateOf(state) })),
    cancels: (effects.c ?? []).map(([sessionId, leaseId, reason]) => ({
      sessionId,
      leaseId,
      reason: reasonGiven(reason),
    })),
    propagateDue: effects.p ?? false,
    cascadeDue: effects.k ?? false,
    expandDue: effects.x ?? false,
    dueAt: effects.d ?? undefined,
  };
}

/** The reason of a cancel that was asked for: there is one. */
export function reasonGiven(code: number): EndReason {
  const reason = reasonOf(code);
  if (reason === undefined) throw new Error(`the store holds an unknown reason code ${code}`);
  return reason;
}
