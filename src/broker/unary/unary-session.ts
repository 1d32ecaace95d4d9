import { createHash } from "node:crypto";
import { ConveyorError } from "../../core/errors.ts";
import type { LeaseId, SessionId } from "../../core/names.ts";
import type { Clock } from "../../runtime/clock.ts";

/**
 * What this broker remembers of a unary session. The truth is in the store, and any broker can serve any call: with this, a
 * repeat finds the leases of the call before it, and cancels get their grace.
 */
export interface UnarySession {
  readonly sessionId: SessionId;
  readonly principal: string;
  /** The store has said that it is this principal's. */
  owned: boolean;
  /** As this broker last knew it; another broker may have raised it since. */
  epoch: number;
  /** Nonces of the calls that leased something, by request id; the newest ones. */
  readonly nonces: Map<string, string>;
  /** Leases of the newest answer, which the caller may not have read yet. */
  fresh: readonly LeaseId[];
  /** When the broker takes these leases, whose handlers were asked to stop; on `Clock.elapsed`. */
  readonly cancelAt: Map<LeaseId, number>;
  /** How often its leases were to be matched with a caller's, and how often that is over: what was claimed meanwhile may have gone back. */
  readonly matches: { begun: number; ended: number };
  /** Ends the call of LeaseJobs that waits, and resolves when it has. */
  endPoll: ((requestId: string) => Promise<void>) | undefined;
  usedAt: number;
}

export interface UnarySessions {
  /** The one that is there for this principal, else a new one at epoch 1. */
  use(sessionId: SessionId, principal: string): UnarySession;
  forget(session: UnarySession): void;
  all(): readonly UnarySession[];
}

const noncesMax = 32;
const prefix = "unary-";

export function createUnarySessions(options: { readonly clock: Clock; readonly ttlMs: number }): UnarySessions {
  const { clock, ttlMs } = options;
  const sessions = new Map<string, UnarySession>();

  /** What was not used for a time to live is no session any more. */
  function sweep(): void {
    const before = clock.elapsed() - 2 * ttlMs;
    for (const [key, { usedAt, endPoll }] of sessions) {
      if (usedAt >= before) break;
      if (endPoll === undefined) sessions.delete(key);
    }
  }

  return {
    use(sessionId, principal) {
      sweep();
      const key = keyOf(sessionId, principal);
      const session = sessions.get(key) ?? fresh(sessionId, principal);
      session.usedAt = clock.elapsed();
      sessions.delete(key); // the longest unused stand first
      sessions.set(key, session);
      return session;
    },
    forget: ({ sessionId, principal }) => void sessions.delete(keyOf(sessionId, principal)),
    all: () => [...sessions.values()],
  };
}

function keyOf(sessionId: SessionId, principal: string): string {
  return JSON.stringify([sessionId, principal]); // either may hold any character
}

function fresh(sessionId: SessionId, principal: string): UnarySession {
  return {
    sessionId,
    principal,
    owned: false,
    epoch: 1,
    nonces: new Map(),
    fresh: [],
    cancelAt: new Map(),
    matches: { begun: 0, ended: 0 },
    endPoll: undefined,
    usedAt: 0,
  };
}

/** Remembers what a call leased, for its repeat. */
export function remember(session: UnarySession, requestId: string, nonce: string): void {
  session.nonces.delete(requestId);
  session.nonces.set(requestId, nonce);
  const [oldest] = session.nonces.keys();
  if (session.nonces.size > noncesMax && oldest !== undefined) session.nonces.delete(oldest);
}

/** The session that a call without one begins: the same for its repeat, at any broker. */
export function firstSessionId(caller: {
  readonly principal: string;
  readonly worker: string;
  readonly requestId: string;
}): SessionId {
  return `${prefix}${hashOf(caller.principal, caller.worker, caller.requestId)}` as SessionId;
}

/** A session id that nobody had. */
export function newSessionId(nonce: string): SessionId {
  return `${prefix}${nonce}` as SessionId;
}

/** The nonce of a call's claim: the same for its repeat, another once the session has a newer epoch. */
export function nonceOf(session: UnarySession, requestId: string): string {
  return hashOf(session.sessionId, String(session.epoch), requestId);
}

/** A session is stream or unary, never both: INVALID_OPTION for a stream's. */
export function checkUnary(sessionId: SessionId): void {
  if (isUnary(sessionId)) return;
  throw new ConveyorError("INVALID_OPTION", `session_id: ${sessionId} is no session that LeaseJobs gave out`, {
    details: { fields: [{ path: "session_id", problem: "it is none that LeaseJobs gave out" }] },
  });
}

export function isUnary(sessionId: SessionId): boolean {
  return sessionId.startsWith(prefix);
}

function hashOf(...parts: readonly string[]): string {
  return createHash("sha256").update(JSON.stringify(parts)).digest("hex").slice(0, 32);
}
