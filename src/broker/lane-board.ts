import type { QueueName, TypeName } from "../core/names.ts";
import type { Lane } from "../store/effects.ts";

/** What is known of one queue and type. */
export interface LaneHint {
  readonly lane: Lane;
  /** Workers here that handle it. */
  workers: number;
  /** Jobs that may be claimable: 0 after a claim came back short, Infinity while claims come back full. */
  expected: number;
  /** How often jobs were hinted at: a claim that began before the last time says nothing of them. */
  raised: number;
  /** Jobs already asked for in the batch that is being put together. */
  asked: number;
}

/**
 * Which of the lanes that a worker here handles may have work, so that idle workers cost no claims. Hints only:
 * the dispatcher looks into every lane now and then.
 */
export interface LaneBoard {
  subscribe(lane: Lane): LaneHint;
  unsubscribe(lane: Lane): void;
  workersOf(lane: Lane): number;
  /** Jobs have become claimable; answers whether a worker here handles them. */
  add(lane: Lane, jobs: number): boolean;
  /** A pause or limit of the queue has gone. */
  addQueue(queue: QueueName): boolean;
  /** Anything may have happened. */
  addAll(): void;
  /** A claim from here has just found no more in it. */
  isEmptied(lane: Lane): boolean;
  /** Lanes that may have work. */
  open(): readonly LaneHint[];
  anyOpen(): boolean;
  queues(): readonly QueueName[];
}

export function createLaneBoard(): LaneBoard {
  const queues = new Map<QueueName, Map<TypeName, LaneHint>>();

  const find = (lane: Lane) => queues.get(lane.queue)?.get(lane.type);

  function* all(): Generator<LaneHint> {
    for (const types of queues.values()) yield* types.values();
  }

  function expect(hint: LaneHint | undefined, jobs: number): boolean {
    if (hint === undefined) return false;
    hint.expected += jobs;
    hint.raised += 1;
    return true;
  }

  return {
    subscribe(lane) {
      const types = queues.get(lane.queue) ?? new Map<TypeName, LaneHint>();
      queues.set(lane.queue, types);
      const hint = types.get(lane.type) ?? { lane, workers: 0, expected: 0, raised: 0, asked: 0 };
      types.set(lane.type, hint);
      hint.workers += 1;
      hint.expected = Math.max(1, hint.expected);
      return hint;
    },
    unsubscribe(lane) {
      const hint = find(lane);
      if (hint === undefined) return;
      hint.workers -= 1;
      if (hint.workers > 0) return;
      const types = queues.get(lane.queue);
      types?.delete(lane.type);
      if (types?.size === 0) queues.delete(lane.queue);
    },
    workersOf: (lane) => find(lane)?.workers ?? 0,
    add: (lane, jobs) => expect(find(lane), jobs),
    addQueue(queue) {
      let any = false;
      for (const hint of queues.get(queue)?.values() ?? []) any = expect(hint, 1) || any;
      return any;
    },
    addAll() {
      for (const hint of all()) hint.expected = Math.max(1, hint.expected);
    },
    isEmptied: (lane) => find(lane)?.expected === 0,
    open: () => [...all()].filter((hint) => hint.expected > 0),
    anyOpen() {
      for (const hint of all()) if (hint.expected > 0) return true;
      return false;
    },
    queues: () => [...queues.keys()],
  };
}
