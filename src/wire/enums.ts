import {
  AttemptOutcome as WireAttemptOutcome,
  FailurePolicy as WireFailurePolicy,
  HoldReason as WireHoldReason,
  JobRole as WireJobRole,
  JobState as WireJobState,
  Trigger as WireTrigger,
} from "../../gen/conveyor/v1/job_pb.ts";
import { BackoffKind as WireBackoffKind } from "../../gen/conveyor/v1/options_pb.ts";
import type {
  AttemptOutcome,
  BackoffPolicy,
  FailurePolicy,
  HoldReason,
  JobRole,
  JobState,
  Trigger,
} from "../core/job.ts";
import { invalidField } from "./invalid-field.ts";

/** Domain word to wire number. */
export const stateToWire: Readonly<Record<JobState, WireJobState>> = WireJobState;
export const holdToWire: Readonly<Record<HoldReason, WireHoldReason>> = WireHoldReason;
export const roleToWire: Readonly<Record<JobRole, WireJobRole>> = WireJobRole;
export const policyToWire: Readonly<Record<FailurePolicy, WireFailurePolicy>> = WireFailurePolicy;
export const triggerToWire: Readonly<Record<Trigger, WireTrigger>> = WireTrigger;
export const outcomeToWire: Readonly<Record<AttemptOutcome, WireAttemptOutcome>> = WireAttemptOutcome;
export const backoffKindToWire: Readonly<Record<BackoffPolicy["kind"], WireBackoffKind>> = WireBackoffKind;

/** Wire number to domain word: undefined for unset (0), INVALID_OPTION naming `path` for a number that this side does not know. */
export type FromWire<Word> = (number: number, path: string) => Word | undefined;

export const stateFromWire: FromWire<JobState> = readerOf<JobState>("state", WireJobState);
export const holdFromWire: FromWire<HoldReason> = readerOf<HoldReason>("hold reason", WireHoldReason);
export const roleFromWire: FromWire<JobRole> = readerOf<JobRole>("role", WireJobRole);
export const policyFromWire: FromWire<FailurePolicy> = readerOf<FailurePolicy>("failure policy", WireFailurePolicy);
export const triggerFromWire: FromWire<Trigger> = readerOf<Trigger>("trigger", WireTrigger);
export const outcomeFromWire: FromWire<AttemptOutcome> = readerOf<AttemptOutcome>(
  "attempt outcome",
  WireAttemptOutcome,
);
export const backoffKindFromWire: FromWire<BackoffPolicy["kind"]> = readerOf<BackoffPolicy["kind"]>(
  "back-off kind",
  WireBackoffKind,
);

function readerOf<Word extends string>(
  what: string,
  numbers: Readonly<Record<Word | "UNSPECIFIED", number>>,
): FromWire<Word> {
  const words: (Word | undefined)[] = [];
  for (const word of Object.keys(numbers) as (Word | "UNSPECIFIED")[]) {
    words[numbers[word]] = word === "UNSPECIFIED" ? undefined : word;
  }
  return (number, path) => {
    const word = words[number];
    if (word !== undefined || number === 0) return word;
    throw invalidField("INVALID_OPTION", path, `${number} is no ${what}; known are 1 to ${words.length - 1}`);
  };
}
