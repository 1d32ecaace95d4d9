import { ConveyorError } from "../core/errors.ts";
import { typeNameOf } from "./held-lease.ts";
import type { Hooks } from "./hooks.ts";
import type { Slots } from "./slots.ts";

/** Sees to it that a worker holds no jobs that its runaways leave no room for. */
export interface Stall {
  /** Handlers have more room or less. */
  roomChanged(): void;
}

export interface StallOptions {
  readonly hooks: Hooks;
  readonly slots: Slots;
  /** Whether the worker stops: then it takes no jobs anyway, and leaves handlers running. */
  readonly isLeaving: () => boolean;
  /** The window is to be sent anew. */
  readonly onRoom: () => void;
}

/** Types of runaways that are named. */
const typesMax = 5;

/** roomy -> stalled (told once, buffered leases are given back) -> roomy, as soon as one of the runaways ends. */
export function createStall({ hooks, slots, isLeaving, onRoom }: StallOptions): Stall {
  let looking = false;
  let stalled = false;

  /** In the next turn: until then handlers that heed their abort have ended, and left room. */
  function roomChanged(): void {
    if (looking) return;
    looking = true;
    setImmediate(look);
  }

  function look(): void {
    looking = false;
    if (isLeaving()) return;
    const wasStalled = stalled;
    stalled = slots.room === 0;
    onRoom(); // first: what is given back must not come again
    if (!stalled || wasStalled) return;
    slots.releaseBuffered();
    hooks.error(stuck(slots), { kind: "worker" });
  }

  return { roomChanged };
}

function stuck({ runaways }: Slots): ConveyorError {
  const counts = new Map<string, number>();
  for (const { delivery } of runaways) {
    const type = typeNameOf(delivery);
    counts.set(type, (counts.get(type) ?? 0) + 1);
  }
  const named = [...counts].slice(0, typesMax).map(([type, count]) => `${count} of ${type}`);
  const which = [...named, ...(counts.size > typesMax ? ["others"] : [])].join(", ");
  return new ConveyorError(
    "WORKER_STUCK",
    `${runaways.size} handlers (${which}) run on though their time is over or their lease lost; the worker takes no jobs until one of them ends: let handlers heed context.signal, or restart the worker`,
  );
}
