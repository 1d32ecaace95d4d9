import { isConveyorError } from "../../core/errors.ts";
import { sleep } from "../../runtime/abort.ts";

const retryMsMin = 100;
const retryMsMax = 2_000;

/** Asks a store until it answers, with waits of 100 ms doubling to 2 s, for as long as `signal` lives. Undefined: the signal came first. */
export async function untilAnswered<Answer>(
  ask: () => Promise<Answer>,
  options: {
    readonly signal: AbortSignal;
    /** The store broke on the question itself; throw to give up. */
    readonly onBroken: (error: unknown) => void;
  },
): Promise<Answer | undefined> {
  for (let failures = 0; ; failures += 1) {
    try {
      return await ask();
    } catch (error) {
      // A store that is away is reported once, by who watches it, and not by each question that waits for it.
      if (!isConveyorError(error) || error.code === "INTERNAL") options.onBroken(error);
    }
    try {
      await sleep(Math.min(retryMsMax, retryMsMin * 2 ** failures), options.signal);
    } catch {
      return undefined;
    }
  }
}
