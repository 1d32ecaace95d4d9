import { stable } from "../comparable.ts";
import type { LeaseName } from "../model/command.ts";
import type { Call } from "./history.ts";
import type { Operation } from "./operation.ts";

type Commit = Extract<Operation, { readonly kind: "commit" }>;
const parts = ["renew", "settle", "insert", "claim"] as const;
const answers = { renew: "renewed", settle: "settled", insert: "inserted", claim: "claimed" } as const;
const nothing = { renew: [], settle: [], insert: [], claim: [] };
const nothingSaid = { renewed: [], settled: [], inserted: [], claimed: [] };

/** As much of a lease as says what was taken. */
export interface Taken {
  readonly lease: LeaseName;
  readonly jobId: string;
  readonly priority: number;
  readonly payload: { readonly type: string };
}

/** A commit of several kinds of items as one call for each of them, in their order and within the same time. */
export function piecesOf(call: Call): readonly Call[] {
  const { operation, answer } = call;
  if (operation.kind !== "commit") return [call];
  const said = JSON.parse(answer) as Record<string, unknown>; // as `call` made it
  const pieces: Call[] = [];
  for (const part of parts.filter((each) => operation[each].length > 0)) {
    const piece: Commit = { ...operation, ...nothing, [part]: operation[part] };
    const follows = pieces.at(-1);
    pieces.push({
      ...call,
      operation: piece,
      answer: stable({ ...nothingSaid, [answers[part]]: said[answers[part]] }, 0),
      ...(follows !== undefined && { follows }),
    });
  }
  return pieces;
}

/** What the leases of a claim's answer are; undefined: the call is no claim. */
export function takenBy({ operation, answer }: Call): readonly Taken[] | undefined {
  if (operation.kind !== "commit" || operation.claim.length === 0) return undefined;
  const { claimed } = JSON.parse(answer) as { readonly claimed: readonly (readonly Taken[])[] }; // no session ends here
  return claimed.flat();
}

/**
 * What the model has to do to follow a call that was free to do less: a claim of just the jobs that were taken (each has a
 * type of its own), as many rows of upkeep as were said to be worked on. Undefined: nothing was done.
 */
export function asTold(call: Call): { readonly operation: Operation | undefined; readonly answer: string } {
  const { operation, answer } = call;
  if (operation.kind === "cascade" || operation.kind === "propagate") {
    const { count } = JSON.parse(answer) as { readonly count: number }; // as `call` made it
    return { operation: count === 0 ? undefined : { ...operation, max: count }, answer };
  }
  const taken = takenBy(call);
  if (taken === undefined || operation.kind !== "commit") return { operation, answer };
  const types = new Set(taken.map((each) => each.payload.type));
  const claim = operation.claim.map((item) => ({
    ...item,
    jobsMax: taken.length,
    lanes: item.lanes.map((lane) => ({ ...lane, types: lane.types.filter((type) => types.has(type)) })),
  }));
  return { operation: taken.length === 0 ? undefined : { ...operation, claim }, answer };
}
