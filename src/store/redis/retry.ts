import type { RetryRefusal } from "../../core/job.ts";
import type { JobId } from "../../core/names.ts";
import type { RetryAnswer, RetryAnswers, RetryItem } from "../change.ts";
import { stateOf } from "../codes.ts";
import { askJobs } from "./ask-jobs.ts";
import type { Writing } from "./calls.ts";
import { listOf, numberOf, textOf, type Unpacked } from "./msgpack.ts";

const Answer = { retried: 0, unchanged: 1, refused: 2 } as const;

/** Revives dead jobs and pulls waiting ones forward, each on its shard. */
export async function retry(writing: Writing, items: readonly RetryItem[]): Promise<RetryAnswers> {
  const asked = items.map(({ id, expectedEpoch }) => ({ id, argument: expectedEpoch ?? false }));
  const { answers, effects } = await askJobs(writing, "retry", asked);
  return { answers: answers.map(readAnswer), effects };
}

function readAnswer(answer: Unpacked): RetryAnswer {
  if (answer === false) return { kind: "missing" };
  const [kind, second, third, blocker] = listOf(answer);
  if (kind !== Answer.refused) {
    const did = kind === Answer.retried ? "retried" : "unchanged";
    return { kind: did, state: stateOf(numberOf(second)), epoch: numberOf(third) };
  }
  const id = textOf(blocker);
  return {
    kind: "refused",
    // Written by `lua/retry.lua` alone; names were checked before they were stored.
    why: textOf(second) as RetryRefusal,
    state: stateOf(numberOf(third)),
    blocker: id === "" ? undefined : (id as JobId),
  };
}
