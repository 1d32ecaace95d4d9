import { createLoop, type Loop } from "../../runtime/loop.ts";
import type { Dispatcher } from "../dispatcher.ts";
import type { LaneBoard } from "../lane-board.ts";
import type { MaintenanceContext } from "./context.ts";

const looksBetweenLimits = 5;

/** Makes up for lost hints: has every lane looked into, and learns now and then which queues are limited. */
export function createLaneWatch(
  context: MaintenanceContext & { readonly board: LaneBoard; readonly dispatcher: Dispatcher },
): Loop {
  const { board, dispatcher } = context;
  let known = new Set<string>();
  let looks = 0;
  return createLoop({
    name: "lane watch",
    intervalMs: context.intervals.pollMs,
    logger: context.logger,
    random: context.ids.random,
    async run() {
      dispatcher.lookEverywhere();
      const queues = board.queues();
      const fresh = queues.filter((queue) => looks % looksBetweenLimits === 0 || !known.has(queue));
      looks += 1;
      for (const queue of fresh) {
        const record = await context.store.getQueue(queue);
        dispatcher.limit(queue, record?.settings.maxConcurrency !== undefined);
      }
      known = new Set(queues);
      return undefined;
    },
  });
}
