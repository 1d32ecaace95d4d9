import type { LeaseId } from "../../core/names.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { SettleAnswer, SettleItem } from "../../store/commit.ts";
import type { Store } from "../../store/store.ts";
import type { Committer } from "../committer.ts";
import { untilAnswered } from "./until-answered.ts";

interface Patience {
  readonly signal: AbortSignal;
  readonly logger: Logger;
}

/**
 * Settles one result until the store has it: a store that fails is tried again, with waits of 100 ms doubling to 2 s, for as
 * long as `signal` lives. Undefined: the signal came first, nobody knows whether it is stored.
 * A result on which the store breaks is recorded as a failed attempt.
 */
export async function settleUntilDurable(
  item: SettleItem,
  options: Patience & { readonly committer: Committer },
): Promise<SettleAnswer | undefined> {
  let attempt = item;
  return untilAnswered(() => options.committer.settle(attempt), {
    ...options,
    onBroken(error) {
      options.logger.warn("result not stored yet", { leaseId: item.leaseId, error });
      attempt = asFailure(item);
    },
  });
}

/** The same for a lease that the session does not hold: `lost`, and nothing changes, when it is another principal's. */
export async function settleUnheld(
  item: SettleItem,
  options: Patience & {
    readonly committer: Committer;
    readonly store: Pick<Store, "leasePrincipal">;
    readonly principal: string;
  },
): Promise<SettleAnswer | undefined> {
  const owner = await untilAnswered(() => ownerOf(options.store, item.leaseId), {
    ...options,
    onBroken: (error) => options.logger.warn("owner of a lease not known yet", { leaseId: item.leaseId, error }),
  });
  if (owner === undefined) return undefined;
  // A lease without one is old or never was: the store says what that means.
  if (owner.principal !== undefined && owner.principal !== options.principal) return { kind: "lost" };
  return settleUntilDurable(item, options);
}

async function ownerOf(store: Pick<Store, "leasePrincipal">, leaseId: LeaseId) {
  return { principal: await store.leasePrincipal(leaseId) };
}

function asFailure(item: SettleItem): SettleItem {
  const error = { name: "INTERNAL", message: "the broker could not store this result", stack: "" };
  return { ...item, outcome: { kind: "failure", error, timedOut: false }, problem: "INTERNAL" };
}
