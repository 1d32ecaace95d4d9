import type { JobId } from "../core/names.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Loop } from "../runtime/loop.ts";
import type { Effects, News } from "../store/effects.ts";
import type { Dispatcher } from "./dispatcher.ts";
import type { LookSchedule } from "./look-schedule.ts";
import type { NewsDesk } from "./news.ts";
import type { SessionTable } from "./sessions/session-table.ts";
import type { Waiters } from "./waiters.ts";
import type { Watches } from "./watch/watches.ts";

/** Whom a write concerns beyond its caller. */
export interface EffectListeners {
  readonly dispatcher: Dispatcher;
  readonly waiters: Waiters;
  /** When what is waited for is looked at. */
  readonly waits: LookSchedule<JobId>;
  readonly watches: Watches;
  readonly table: SessionTable;
  /** Tells the other brokers. */
  readonly news: NewsDesk;
  readonly propagator: Loop;
  readonly cascader: Loop;
  readonly expander: Loop;
  readonly promoter: Loop;
  readonly clock: Clock;
}

/** Passes on what a write did. All of it hints: whoever misses one finds the same by looking. */
export function announce(effects: Effects, listeners: EffectListeners): void {
  listeners.dispatcher.readied(effects.readied);
  listeners.waiters.wake(effects.ended);
  listeners.watches.hint(effects.ended.map(({ id }) => id));
  if (effects.cancels.length > 0) listeners.table.cancel(effects.cancels);
  listeners.news.tell(effects);
  if (effects.propagateDue) listeners.propagator.wake();
  if (effects.cascadeDue) listeners.cascader.wake();
  if (effects.expandDue) listeners.expander.wake();
  if (effects.dueAt !== undefined) listeners.promoter.wakeIn(Math.max(0, effects.dueAt - listeners.clock.now()));
}

/** Takes in what another broker did; undefined: that may have been anything. */
export function hear(
  news: News | undefined,
  listeners: Pick<EffectListeners, "dispatcher" | "waits" | "waiters" | "watches" | "table">,
): void {
  if (news === undefined) {
    listeners.dispatcher.lookEverywhere();
    listeners.waits.allNow();
    listeners.watches.hint(undefined);
    return;
  }
  listeners.dispatcher.readied(news.readied);
  listeners.waiters.wake(news.ended.map((id) => ({ id, state: undefined })));
  listeners.watches.hint(news.ended);
  // Whoever may write to the store's channel of news is no one to stop a handler: the store itself is asked.
  listeners.table.lookForCancels(new Set(news.cancels.map((cancel) => cancel.sessionId)));
}
