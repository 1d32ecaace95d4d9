import { sleep } from "../../runtime/abort.ts";
import type { RetryAnswer, RetryItem } from "../../store/change.ts";
import type { ServiceContext } from "./service-context.ts";

/** How long jobs that are just being cancelled or brought back are waited for. */
const patienceMs = 2_000;
const firstPauseMs = 20;

/** Retries jobs; those that are refused as BUSY again for up to two seconds, since what stands in their way is soon worked off. */
export async function retryPatiently(
  context: Pick<ServiceContext, "store" | "onEffects">,
  items: readonly RetryItem[],
  signal: AbortSignal,
): Promise<readonly RetryAnswer[]> {
  const answers = new Map<RetryItem, RetryAnswer>();
  let left = items;
  for (let pauseMs = firstPauseMs, waitedMs = 0; ; waitedMs += pauseMs, pauseMs *= 2) {
    const { answers: some, effects } = await context.store.retry(left);
    context.onEffects(effects);
    for (const [index, item] of left.entries()) answers.set(item, answerAt(some, index));
    left = left.filter((item) => isBusy(answers.get(item)));
    if (left.length === 0 || waitedMs + pauseMs > patienceMs)
      return items.map((item) => answerAt([answers.get(item)], 0));
    await sleep(pauseMs, signal);
  }
}

function isBusy(answer: RetryAnswer | undefined): boolean {
  return answer?.kind === "refused" && answer.why === "BUSY";
}

function answerAt(answers: readonly (RetryAnswer | undefined)[], index: number): RetryAnswer {
  const answer = answers[index];
  if (answer === undefined) throw new Error(`the store gave no answer to item ${index}`);
  return answer;
}
