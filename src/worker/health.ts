import type { IncomingMessage, ServerResponse } from "node:http";
import type { WorkerState } from "./hooks.ts";

/** How a worker stands, as far as it can be proven. */
export interface WorkerHealth {
  /**
   * It can be given jobs: a broker has welcomed it and was heard from within the watchdog, it does not stop, and its handlers have
   * room. A connection that has gone silent is not healthy, whether or not it was noticed already.
   */
  readonly healthy: boolean;
  /** Why it is not healthy. */
  readonly problem: string | undefined;
  readonly state: WorkerState | "idle";
  /** Of the broker, while there is a connection. */
  readonly address: string | undefined;
  readonly sessionId: string | undefined;
  /** Since the broker was last heard from, in ms; undefined before its welcome. */
  readonly silentMs: number | undefined;
  /** Jobs whose handlers run or are about to. */
  readonly jobs: number;
}

/** What is known of the connection. */
export interface LineState {
  readonly address: string | undefined;
  readonly sessionId: string | undefined;
  readonly silentMs: number | undefined;
  readonly watchdogMs: number;
}

export function healthOf(
  state: WorkerHealth["state"],
  line: LineState,
  slots: { readonly liveCount: number; readonly room: number },
): WorkerHealth {
  const { address, sessionId, silentMs } = line;
  const problem = problemOf(state, line, slots.room);
  return { healthy: problem === undefined, problem, state, address, sessionId, silentMs, jobs: slots.liveCount };
}

function problemOf(state: WorkerHealth["state"], line: LineState, room: number): string | undefined {
  if (state !== "connected") return `the worker is ${state}`;
  const { silentMs, watchdogMs } = line;
  if (silentMs === undefined) return "no broker has welcomed the worker on this connection";
  if (silentMs > watchdogMs) return `nothing was heard from the broker for ${Math.round(silentMs)} ms`;
  if (room <= 0) return "handlers that are no longer waited for leave no room for jobs";
  return undefined;
}

/** Answers every GET and HEAD with the health as JSON: 200 when it is healthy, else 503. For `node:http` and all that takes its handlers. */
export function healthHandler(
  health: () => WorkerHealth,
): (request: IncomingMessage, response: ServerResponse) => void {
  return (request, response) => {
    if (request.method !== "GET" && request.method !== "HEAD") {
      response.writeHead(405, { allow: "GET, HEAD" }).end();
      return;
    }
    const now = health();
    const headers = { "content-type": "application/json", "cache-control": "no-store" };
    response
      .writeHead(now.healthy ? 200 : 503, headers)
      .end(request.method === "GET" ? JSON.stringify(now) : undefined);
  };
}
