import type { Clock } from "../runtime/clock.ts";
import type { Loop } from "../runtime/loop.ts";
import type { Effects } from "../store/store.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { SessionTable } from "./sessions/session-table.ts";
import type { Waiters } from "./waiters.ts";

/** Whom a write concerns beyond its caller. */
export interface EffectListeners {
  readonly dispatcher: Dispatcher;
  readonly waiters: Waiters;
  readonly table: SessionTable;
  readonly propagator: Loop;
  readonly cascader: Loop;
  readonly promoter: Loop;
  readonly clock: Clock;
}

/** Passes on what a write did. All of it hints: whoever misses one finds the same by looking. */
export function announce(effects: Effects, listeners: EffectListeners): void {
  listeners.dispatcher.readied(effects.readied);
  listeners.waiters.wake(effects.ended);
  if (effects.cancels.length > 0) listeners.table.cancel(effects.cancels);
  if (effects.propagateDue) listeners.propagator.wake();
  if (effects.cascadeDue) listeners.cascader.wake();
  if (effects.dueAt !== undefined) listeners.promoter.wakeIn(Math.max(0, effects.dueAt - listeners.clock.now()));
}
