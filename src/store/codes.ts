import type { ReviveScope } from "../core/chain.ts";
import type {
  AttemptOutcome,
  BackoffPolicy,
  EndReason,
  FailurePolicy,
  HoldReason,
  JobRole,
  JobState,
  Trigger,
} from "../core/job.ts";

/** How a job's own run ended. */
export type Run = "SUCCEEDED" | "DEAD" | "CANCELLED" | "SKIPPED";

/** The integers that stand for words in what the stores keep, their SQL and their scripts. Part of the formats: never change one, only add. */
export const State = {
  SCHEDULED: 1,
  READY: 2,
  RUNNING: 3,
  RETRYING: 4,
  AWAITING_CHILDREN: 5,
  HELD: 6,
  COMPLETED: 7,
  DEAD: 8,
  CANCELLED: 9,
} as const;

export const Hold = { PARENT: 1, BARRIER: 2, SCHEMA: 3 } as const;
export const Role = { ROOT: 0, CHILD: 1, HEIR: 2 } as const;
export const Policy = { FAIL: 0, IGNORE: 1, FAIL_FAST: 2 } as const;
export const TriggerCode = { SUCCEEDED: 0, ANY_FAILED: 1, SETTLED: 2 } as const;
export const RunCode = { SUCCEEDED: 1, DEAD: 2, CANCELLED: 3, SKIPPED: 4 } as const;
export const BackoffKind = { EXPONENTIAL: 1, LINEAR: 2, FIXED: 3 } as const;
export const CascadeKind = { BELOW: 1, FAIL_FAST: 2 } as const;
export const ReviveCode = { HEIRS: 1, CANCELLED: 2, DEAD: 3 } as const;

export const Reason = {
  ATTEMPTS_EXHAUSTED: 1,
  DISCARDED: 2,
  CRASH_LIMIT: 3,
  CHAIN_FAILED: 4,
  REQUESTED: 5,
  SIBLING_FAILED: 6,
  PARENT_FAILED: 7,
  PARENT_CANCELLED: 8,
  DEPENDENCY_FAILED: 9,
  TRIGGER_NOT_MET: 10,
} as const;

export const Recorded = {
  SUCCEEDED: 1,
  FAILED: 2,
  TIMED_OUT: 3,
  DISCARDED: 4,
  SNOOZED: 5,
  RELEASED: 6,
  CRASHED: 7,
  CANCELLED: 8,
} as const;

/** What a worker sent; 0: nothing, or the lease was taken from it. */
export const Sent = {
  success: 1,
  failure: 2,
  discard: 3,
  snooze: 4,
  release: 5,
  cancel: 6,
} as const;

const stateNames = wordsOf<JobState>(State);
const holdNames = wordsOf<HoldReason>(Hold);
const roleNames = wordsOf<JobRole>(Role);
const policyNames = wordsOf<FailurePolicy>(Policy);
const triggerNames = wordsOf<Trigger>(TriggerCode);
const runNames = wordsOf<Run>(RunCode);
const reviveNames = wordsOf<ReviveScope>(ReviveCode);
const reasonNames = wordsOf<EndReason>(Reason);
const recordedNames = wordsOf<AttemptOutcome>(Recorded);
const backoffNames = wordsOf<BackoffPolicy["kind"]>(BackoffKind);

/** The word for a code; an unknown one is a bug or another program's doing, and throws. */
export const stateOf = (code: number): JobState => known(stateNames.get(code), "state", code);
export const roleOf = (code: number): JobRole => known(roleNames.get(code), "role", code);
export const policyOf = (code: number): FailurePolicy => known(policyNames.get(code), "policy", code);
export const triggerOf = (code: number): Trigger => known(triggerNames.get(code), "trigger", code);
export const backoffKindOf = (code: number): BackoffPolicy["kind"] => known(backoffNames.get(code), "back-off", code);
export const recordedOf = (code: number): AttemptOutcome => known(recordedNames.get(code), "outcome", code);

/** As above, where 0 stands for none. */
export const holdOf = (code: number): HoldReason | undefined => holdNames.get(code);
export const runOf = (code: number): Run | undefined => runNames.get(code);
export const reviveOf = (code: number): ReviveScope | undefined => reviveNames.get(code);
export const reasonOf = (code: number): EndReason | undefined => reasonNames.get(code);

/** Terminal states are the last ones. */
export const isTerminalCode = (state: number): boolean => state >= State.COMPLETED;

function wordsOf<Word extends string>(codes: Readonly<Record<Word, number>>): ReadonlyMap<number, Word> {
  // Object.keys knows only strings; the keys of these tables are the words.
  return new Map((Object.keys(codes) as Word[]).map((word) => [codes[word], word]));
}

function known<Word>(word: Word | undefined, what: string, code: number): Word {
  if (word === undefined) throw new Error(`the store holds an unknown ${what} code ${code}`);
  return word;
}
