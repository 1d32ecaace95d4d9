import { openMemoryStore } from "../../../src/store/memory/store.ts";
import type { StoreOptions } from "../../../src/store/store.ts";
import { comparable } from "../comparable.ts";
import { dumpDifference } from "../model/difference.ts";
import { type Side, sideOf } from "../model/perform.ts";
import type { Call, History } from "./history.ts";
import { asTold, piecesOf } from "./loose.ts";
import { call, type Operation } from "./operation.ts";
import { readyJobs, unseen, type Watched, watch } from "./ready-watch.ts";

export type Linearization =
  | { readonly kind: "found"; readonly order: readonly Call[] }
  /** `furthest`: the longest order that explains its calls, and why it cannot be gone on with. */
  | { readonly kind: "none"; readonly furthest: readonly Call[]; readonly problems: readonly string[] };

export interface Rules {
  readonly options: StoreOptions;
  /**
   * `commit`: each call happens at one moment. `item`: each item of a commit does, one after the other, and a claim may miss jobs that
   * others had in their hands or that came while it ran; so it is where a claim chooses first and takes then, and skips what
   * is locked.
   */
  readonly atomic: "commit" | "item";
}

/**
 * Looks for an order of the calls in which the model, called one by one, gives the same answers and ends in the same state;
 * a call that ended before another began stays before it. Source: Wing and Gong, "Testing and verifying concurrent objects"
 * (1993), with the memory of states that Lowe added (2017).
 */
export async function linearize(history: History, { options, atomic }: Rules): Promise<Linearization> {
  const { setup, final } = history;
  const isLoose = atomic === "item";
  const calls = isLoose ? history.calls.flatMap(piecesOf) : history.calls;
  const tried = new Set<string>();
  let furthest: readonly Call[] = [];
  let problems: string[] = [];

  const note = (order: readonly Call[], problem: string): void => {
    if (order.length < furthest.length) return;
    if (order.length > furthest.length) problems = [];
    furthest = order;
    problems.push(problem);
  };

  /** Undefined when the model agrees with what the call was told. */
  async function disagreement(side: Side, next: Call, watched: Watched): Promise<string | undefined> {
    const { operation, answer } = isLoose ? asTold(next) : next;
    if (operation !== undefined) {
      const said = await call(side, operation);
      if (said !== answer) return `client ${next.client} was told ${answer}\n    and not ${said}`;
    }
    const missed = isLoose ? unseen(next, watched, calls) : [];
    return missed.length === 0 ? undefined : `client ${next.client} was not given ${missed} that nobody else had`;
  }

  async function search(order: readonly Call[], arrived: Side, watched: Watched): Promise<readonly Call[] | undefined> {
    const left = calls.filter((each) => !order.includes(each));
    if (left.length === 0) {
      const different = dumpDifference(await arrived.store.dump(), final);
      if (different === undefined) return order;
      note(order, `the state at the end: ${different}`);
      return undefined;
    }
    let model: Side | undefined = arrived;
    for (const next of candidates(left)) {
      const past = order.map((each) => (isLoose ? asTold(each).operation : each.operation));
      const side: Side = model ?? (await replay([...setup, ...past], options));
      model = undefined; // changed by the next call, whether it fits or not
      const problem = await disagreement(side, next, watched);
      if (problem !== undefined) {
        note(order, problem);
        continue;
      }
      const state = await side.store.dump();
      const rest = left.filter((each) => each !== next);
      const seen = isLoose ? watch(watched, rest, readyJobs(state)) : watched;
      // The model dumps jobs in the order of their insertion, which `comparable` leaves out and claims go by.
      const sequence = state.jobs.map((each) => each.id);
      const key = [rest.map((each) => calls.indexOf(each)), ...seen.values(), sequence, comparable(state)].join(" ");
      if (tried.has(key)) continue;
      tried.add(key);
      const found = await search([...order, next], side, seen);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  const order = await search([], await replay(setup, options), isLoose ? watch(new Map(), calls, []) : new Map());
  return order === undefined ? { kind: "none", furthest, problems } : { kind: "found", order };
}

/** Those that may be next: none of the others ended before they began. What ended first is the likeliest. */
function candidates(left: readonly Call[]): readonly Call[] {
  const firstEnd = Math.min(...left.map((each) => each.ended));
  return left
    .filter((each) => each.begun < firstEnd && (each.follows === undefined || !left.includes(each.follows)))
    .sort((one, other) => one.ended - other.ended);
}

async function replay(operations: readonly (Operation | undefined)[], options: StoreOptions): Promise<Side> {
  const side = sideOf(await openMemoryStore(options));
  for (const operation of operations) if (operation !== undefined) await call(side, operation);
  return side;
}
