import type { WorkerHello } from "../../wire/hello.ts";
import type { Subscription } from "../dispatcher.ts";
import type { LaneBoard } from "../lane-board.ts";

/** What a worker takes jobs of, on the board for as long as it does. */
export interface Subscriptions {
  readonly list: readonly Subscription[];
  of(queue: string, type: string): Subscription | undefined;
  /** Takes them off the board; once. */
  release(): void;
}

export function subscribe(board: LaneBoard, wanted: WorkerHello["subscriptions"]): Subscriptions {
  const list = wanted.map(
    ({ queue, types, jobsMax }): Subscription => ({
      queue,
      lanes: types.map((type) => board.subscribe({ queue, type })),
      jobsMax,
      inFlight: 0,
    }),
  );
  return {
    list,
    of: (queue, type) => list.find((each) => each.queue === queue && each.lanes.some(({ lane }) => lane.type === type)),
    release() {
      for (const { lanes } of list) for (const { lane } of lanes) board.unsubscribe(lane);
    },
  };
}
