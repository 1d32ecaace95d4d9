import type { LeaseId, SessionId } from "../../core/names.ts";
import { deferred } from "../../runtime/deferred.ts";
import type { Effects, ReapAnswer } from "../../store/effects.ts";
import type { Session } from "./session.ts";

/** The sessions that have a stream to this broker. */
export interface SessionTable {
  /** Of two streams of one session the newer stays, and the other ends. */
  add(session: Session): void;
  remove(session: Session): void;
  all(): readonly Session[];
  /** Resolves when there is none. */
  empty(): Promise<void>;
  has(sessionId: SessionId): boolean;
  /** Tells handlers to stop. */
  cancel(cancels: Effects["cancels"]): void;
  /** Handlers of these sessions may have to stop: the store knows. */
  lookForCancels(sessionIds: Iterable<SessionId>): void;
  /** The reaper ended sessions or took leases. */
  reaped(answer: Pick<ReapAnswer, "sessions" | "taken">): void;
}

export function createSessionTable(): SessionTable {
  const sessions = new Map<SessionId, Session>();
  const emptied = deferred<void>();
  let awaited = false;
  return {
    add(session) {
      const other = sessions.get(session.ref.sessionId);
      const newer = other === undefined || other.ref.epoch < session.ref.epoch;
      if (newer) sessions.set(session.ref.sessionId, session);
      (newer ? other : session)?.superseded();
    },
    remove(session) {
      if (sessions.get(session.ref.sessionId) === session) sessions.delete(session.ref.sessionId);
      if (awaited && sessions.size === 0) emptied.resolve();
    },
    all: () => [...sessions.values()],
    empty() {
      awaited = true;
      if (sessions.size === 0) emptied.resolve();
      return emptied.promise;
    },
    has: (sessionId) => sessions.has(sessionId),
    cancel(cancels) {
      for (const [sessionId, items] of bySession(cancels)) sessions.get(sessionId)?.cancel(items);
    },
    lookForCancels(sessionIds) {
      for (const sessionId of sessionIds) sessions.get(sessionId)?.lookForCancels();
    },
    reaped(answer) {
      for (const sessionId of answer.sessions) sessions.get(sessionId)?.superseded();
      for (const [sessionId, items] of bySession(answer.taken)) {
        sessions.get(sessionId)?.taken(items.map((item): LeaseId => item.leaseId));
      }
    },
  };
}

function bySession<Item extends { readonly sessionId: SessionId }>(items: readonly Item[]): Map<SessionId, Item[]> {
  const groups = new Map<SessionId, Item[]>();
  for (const item of items) {
    const group = groups.get(item.sessionId);
    if (group === undefined) groups.set(item.sessionId, [item]);
    else group.push(item);
  }
  return groups;
}
