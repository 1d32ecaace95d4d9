import type { Backoff } from "../../gen/conveyor/v1/options_pb.ts";
import { type BackoffPolicy, serverDefaults } from "../core/job.ts";
import { limits } from "../core/limits.ts";
import { backoffKindFromWire, backoffKindToWire } from "./enums.ts";
import { invalidField } from "./invalid-field.ts";
import { checkedDurationMs, msToDuration } from "./time.ts";

const multiplierMax = 1_000;
/** What a policy leaves out; the schema names the same values. */
const unset = serverDefaults.backoff;

/** A back-off policy, whole: what it leaves out has its default. INVALID_OPTION for waits out of range, a multiplier below 1, a jitter outside 0 to 1. */
export function backoffFromWire(backoff: Backoff | undefined, path: string): BackoffPolicy | undefined {
  if (backoff === undefined) return undefined;
  const { initial, max, multiplier = unset.multiplier, jitter = unset.jitter } = backoff;
  const msMax = limits.backoffMsMax;
  const initialMs = initial ? checkedDurationMs(initial, { path: `${path}.initial`, msMax }) : unset.initialMs;
  const maxMs = max ? checkedDurationMs(max, { path: `${path}.max`, msMax }) : unset.maxMs;
  if (maxMs < initialMs) {
    throw invalidField(
      "INVALID_OPTION",
      `${path}.max`,
      `it is ${maxMs} ms${max ? "" : " when unset"}, less than initial, ${initialMs} ms`,
    );
  }
  if (!(multiplier >= 1 && multiplier <= multiplierMax)) {
    throw invalidField("INVALID_OPTION", `${path}.multiplier`, `it must be 1 to ${multiplierMax}, got ${multiplier}`);
  }
  if (!(jitter >= 0 && jitter <= 1))
    throw invalidField("INVALID_OPTION", `${path}.jitter`, `it must be 0 to 1, got ${jitter}`);
  const kind = backoffKindFromWire(backoff.kind, `${path}.kind`) ?? unset.kind;
  return { kind, initialMs, maxMs, multiplier, jitter };
}

/** The policy with every field set. */
export function backoffToWire(policy: BackoffPolicy): Backoff {
  return {
    $typeName: "conveyor.v1.Backoff",
    kind: backoffKindToWire[policy.kind],
    initial: msToDuration(policy.initialMs),
    max: msToDuration(policy.maxMs),
    multiplier: policy.multiplier,
    jitter: policy.jitter,
  };
}
