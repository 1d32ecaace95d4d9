import { openMemoryStore } from "../../../src/store/memory/store.ts";
import type { StoreOptions } from "../../../src/store/store.ts";
import { comparable } from "../comparable.ts";
import { dumpDifference } from "../model/difference.ts";
import { type Side, sideOf } from "../model/perform.ts";
import type { Call, History } from "./history.ts";
import { call, type Operation } from "./operation.ts";

export type Linearization =
  | { readonly kind: "found"; readonly order: readonly Call[] }
  /** `furthest`: the longest order that explains its calls, and why it cannot be gone on with. */
  | { readonly kind: "none"; readonly furthest: readonly Call[]; readonly problems: readonly string[] };

/**
 * Looks for an order of the calls in which the model, called one by one, gives the same answers and ends in the same state;
 * a call that ended before another began stays before it. Source: Wing and Gong, "Testing and verifying concurrent objects"
 * (1993), with the memory of states that Lowe added (2017).
 */
export async function linearize(history: History, options: StoreOptions): Promise<Linearization> {
  const { setup, calls, final } = history;
  const tried = new Set<string>();
  let furthest: readonly Call[] = [];
  let problems: string[] = [];

  const note = (order: readonly Call[], problem: string): void => {
    if (order.length < furthest.length) return;
    if (order.length > furthest.length) problems = [];
    furthest = order;
    problems.push(problem);
  };

  async function search(order: readonly Call[], arrived: Side): Promise<readonly Call[] | undefined> {
    const left = calls.filter((each) => !order.includes(each));
    if (left.length === 0) {
      const different = dumpDifference(await arrived.store.dump(), final);
      if (different === undefined) return order;
      note(order, `the state at the end: ${different}`);
      return undefined;
    }
    let model: Side | undefined = arrived;
    for (const next of candidates(left)) {
      const side: Side = model ?? (await replay([...setup, ...order.map((each) => each.operation)], options));
      model = undefined; // changed by the next call, whether it fits or not
      const answer = await call(side, next.operation);
      if (answer !== next.answer) {
        note(order, `client ${next.client} was told ${next.answer}\n    and not ${answer}`);
        continue;
      }
      const state = await side.store.dump();
      // The model dumps jobs in the order of their insertion, which `comparable` leaves out and claims go by.
      const sequence = state.jobs.map((each) => each.id);
      const key = `${left.map((each) => each.begun)} ${next.begun} ${sequence} ${comparable(state)}`;
      if (tried.has(key)) continue;
      tried.add(key);
      const found = await search([...order, next], side);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  const order = await search([], await replay(setup, options));
  return order === undefined ? { kind: "none", furthest, problems } : { kind: "found", order };
}

/** Those that may be next: none of the others ended before they began. What ended first is the likeliest. */
function candidates(left: readonly Call[]): readonly Call[] {
  const firstEnd = Math.min(...left.map((each) => each.ended));
  return left.filter((each) => each.begun < firstEnd).sort((one, other) => one.ended - other.ended);
}

async function replay(operations: readonly Operation[], options: StoreOptions): Promise<Side> {
  const side = sideOf(await openMemoryStore(options));
  for (const operation of operations) await call(side, operation);
  return side;
}
