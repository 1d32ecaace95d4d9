import type { CancelAnswer, CancelAnswers, CancelItem } from "../change.ts";
import { stateOf } from "../codes.ts";
import { askJobs } from "./ask-jobs.ts";
import type { Writing } from "./calls.ts";
import { listOf, numberOf, type Unpacked } from "./msgpack.ts";

/** Cancels jobs by request, each on its shard. */
export async function cancel(writing: Writing, items: readonly CancelItem[]): Promise<CancelAnswers> {
  const asked = items.map(({ id, includeHeirs }) => ({ id, argument: includeHeirs ? 1 : 0 }));
  const { answers, effects } = await askJobs(writing, "cancel", asked);
  return { answers: answers.map(readAnswer), effects };
}

function readAnswer(answer: Unpacked): CancelAnswer {
  if (answer === false) return { kind: "missing" };
  const [state, changed] = listOf(answer);
  return { kind: "cancelled", state: stateOf(numberOf(state)), changed: changed === 1 };
}
