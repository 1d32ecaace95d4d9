import type { JobId } from "../core/names.ts";
import type { Clock } from "../runtime/clock.ts";
import type { Logger } from "../runtime/logger.ts";
import type { Service } from "../runtime/service.ts";
import type { Effects, Lane, News } from "../store/effects.ts";
import type { Store } from "../store/store.ts";
import type { LaneBoard } from "./lane-board.ts";
import type { SessionTable } from "./sessions/session-table.ts";

/** Tells the other brokers of the store what writes did here, as far as it concerns them, and hears them. All of it hints. */
export interface NewsDesk extends Service {
  tell(effects: Pick<Effects, "readied" | "ended" | "cancels">): void;
}

/** News gather for so long once some were sent; the first of a quiet time go at the end of the turn. */
const spacingMs = 20;
/** Who waits for one that was left out finds it by looking. */
const endedMax = 150;
const cancelsMax = 500;

export function createNewsDesk(options: {
  readonly store: Pick<Store, "announce" | "listen">;
  readonly board: LaneBoard;
  readonly table: SessionTable;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Undefined: news may have been missed. */
  readonly onNews: (news: News | undefined) => void;
}): NewsDesk {
  const { store, board, table, clock } = options;
  const readied = new Map<string, Lane>();
  let ended: JobId[] = [];
  let cancels: Effects["cancels"][number][] = [];
  let sentAt = Number.NEGATIVE_INFINITY;
  let timer: NodeJS.Timeout | undefined;
  let stopListening: (() => void) | undefined;

  function tell(effects: Pick<Effects, "readied" | "ended" | "cancels">): void {
    for (const lane of effects.readied) readied.set(`${lane.queue} ${lane.type}`, lane);
    for (const { id } of effects.ended) if (ended.length < endedMax) ended.push(id);
    for (const each of effects.cancels)
      if (!table.has(each.sessionId) && cancels.length < cancelsMax) cancels.push(each);
    if (timer !== undefined || readied.size + ended.length + cancels.length === 0) return;
    // Never at once: claims of the same commit learn in this turn which lanes are empty already.
    timer = setTimeout(send, Math.max(0, sentAt + spacingMs - clock.elapsed()));
  }

  function send(): void {
    timer = undefined;
    const news: News = { readied: [...readied.values()].filter((lane) => !board.isEmptied(lane)), ended, cancels };
    readied.clear();
    ended = [];
    cancels = [];
    if (news.readied.length + news.ended.length + news.cancels.length === 0) return;
    sentAt = clock.elapsed();
    store.announce(news);
  }

  function hear(news: News | undefined): void {
    try {
      options.onNews(news);
    } catch (error) {
      options.logger.error("news of another broker broke its hearer", { error });
    }
  }

  return {
    tell,
    async start() {
      stopListening ??= store.listen(hear);
    },
    async stop() {
      stopListening?.();
      clearTimeout(timer);
      send();
    },
  };
}
