import { isConveyorError } from "../../core/errors.ts";
import { sleep } from "../../runtime/abort.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { SettleAnswer, SettleItem } from "../../store/store.ts";
import type { Committer } from "../committer.ts";

const retryMsMin = 100;
const retryMsMax = 2_000;

/**
 * Settles one result until the store has it: a store that fails is tried again, with waits of 100 ms doubling to 2 s, for as
 * long as `signal` lives. Undefined: the signal came first, nobody knows whether it is stored.
 * A result on which the store breaks is recorded as a failed attempt.
 */
export async function settleUntilDurable(
  item: SettleItem,
  options: { readonly committer: Committer; readonly signal: AbortSignal; readonly logger: Logger },
): Promise<SettleAnswer | undefined> {
  let attempt = item;
  for (let failures = 0; ; failures += 1) {
    try {
      return await options.committer.settle(attempt);
    } catch (error) {
      // A store that is away is reported once, by who watches it, and not by each result that waits for it.
      if (!isConveyorError(error) || error.code === "INTERNAL") {
        options.logger.warn("result not stored yet", { leaseId: item.leaseId, error });
        attempt = asFailure(item);
      }
    }
    try {
      await sleep(Math.min(retryMsMax, retryMsMin * 2 ** failures), options.signal);
    } catch {
      return undefined;
    }
  }
}

function asFailure(item: SettleItem): SettleItem {
  const error = { name: "INTERNAL", message: "the broker could not store this result", stack: "" };
  return { ...item, outcome: { kind: "failure", error, timedOut: false }, problem: "INTERNAL" };
}
