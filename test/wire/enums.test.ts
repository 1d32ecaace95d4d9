import assert from "node:assert/strict";
import { test } from "node:test";
import type { DescEnum } from "@bufbuild/protobuf";
import {
  AttemptOutcomeSchema,
  FailurePolicySchema,
  HoldReasonSchema,
  JobRoleSchema,
  JobStateSchema,
  TriggerSchema,
} from "../../gen/conveyor/v1/job_pb.ts";
import { BackoffKindSchema } from "../../gen/conveyor/v1/options_pb.ts";
import type {
  AttemptOutcome,
  BackoffPolicy,
  FailurePolicy,
  HoldReason,
  JobRole,
  JobState,
  Trigger,
} from "../../src/core/job.ts";
import * as enums from "../../src/wire/enums.ts";
import { throwsCode } from "./throws-code.ts";

interface Table<Word extends string> {
  readonly descriptor: DescEnum;
  /** Every word of the domain: the compiler refuses a missing or an invented one. */
  readonly words: Readonly<Record<Word, true>>;
  readonly toWire: Readonly<Record<Word, number>>;
  readonly fromWire: enums.FromWire<Word>;
}

function agrees<Word extends string>({ descriptor, words, toWire, fromWire }: Table<Word>): void {
  const [unset, ...values] = descriptor.values;
  assert.equal(unset?.number, 0);
  assert.equal(fromWire(0, "x"), undefined);
  assert.deepEqual(values.map((value) => value.localName).sort(), Object.keys(words).sort(), descriptor.typeName);
  for (const { number, localName } of values) {
    const word = fromWire(number, "x");
    assert.equal(word, localName);
    if (word !== undefined) assert.equal(toWire[word], number);
  }
  for (const unknown of [values.length + 1, -1, 2 ** 31 - 1]) {
    const error = throwsCode("INVALID_OPTION", () => fromWire(unknown, "node.role"));
    assert.match(error.message, new RegExp(`^node\\.role: ${unknown} is no`));
  }
}

test("enums / domain and wire know the same words, and an unknown number is INVALID_OPTION", () => {
  agrees<JobState>({
    descriptor: JobStateSchema,
    words: {
      SCHEDULED: true,
      READY: true,
      RUNNING: true,
      RETRYING: true,
      AWAITING_CHILDREN: true,
      HELD: true,
      COMPLETED: true,
      DEAD: true,
      CANCELLED: true,
    },
    toWire: enums.stateToWire,
    fromWire: enums.stateFromWire,
  });
  agrees<HoldReason>({
    descriptor: HoldReasonSchema,
    words: { PARENT: true, BARRIER: true, SCHEMA: true },
    toWire: enums.holdToWire,
    fromWire: enums.holdFromWire,
  });
  agrees<JobRole>({
    descriptor: JobRoleSchema,
    words: { ROOT: true, CHILD: true, HEIR: true },
    toWire: enums.roleToWire,
    fromWire: enums.roleFromWire,
  });
  agrees<FailurePolicy>({
    descriptor: FailurePolicySchema,
    words: { FAIL: true, IGNORE: true, FAIL_FAST: true },
    toWire: enums.policyToWire,
    fromWire: enums.policyFromWire,
  });
  agrees<Trigger>({
    descriptor: TriggerSchema,
    words: { SUCCEEDED: true, ANY_FAILED: true, SETTLED: true },
    toWire: enums.triggerToWire,
    fromWire: enums.triggerFromWire,
  });
  agrees<AttemptOutcome>({
    descriptor: AttemptOutcomeSchema,
    words: {
      SUCCEEDED: true,
      FAILED: true,
      TIMED_OUT: true,
      DISCARDED: true,
      SNOOZED: true,
      RELEASED: true,
      CRASHED: true,
      CANCELLED: true,
    },
    toWire: enums.outcomeToWire,
    fromWire: enums.outcomeFromWire,
  });
  agrees<BackoffPolicy["kind"]>({
    descriptor: BackoffKindSchema,
    words: { EXPONENTIAL: true, LINEAR: true, FIXED: true },
    toWire: enums.backoffKindToWire,
    fromWire: enums.backoffKindFromWire,
  });
});
