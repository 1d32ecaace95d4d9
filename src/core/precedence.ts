import type { BackoffPolicy, Retention, ServerDefaults, TerminalState } from "./job.ts";

/** What request and type of a job ask for; undefined: the queue or the server decides. */
export interface AskedOptions {
  readonly maxAttempts: number | undefined;
  readonly backoff: BackoffPolicy | undefined;
  readonly timeoutMs: number | undefined;
}

/** What a queue sets; undefined: the server decides. */
export interface QueueOptions extends AskedOptions {
  readonly crashLimit: number | undefined;
}

/**
 * The options that apply to a job now: request or type (the row), else queue, else server; each on its own, a back-off policy whole.
 * The crash limit is never a job's own.
 */
export function effectiveOptions(
  asked: AskedOptions,
  queue: QueueOptions | undefined,
  server: ServerDefaults,
): ServerDefaults {
  return {
    maxAttempts: asked.maxAttempts ?? queue?.maxAttempts ?? server.maxAttempts,
    backoff: asked.backoff ?? queue?.backoff ?? server.backoff,
    timeoutMs: asked.timeoutMs ?? queue?.timeoutMs ?? server.timeoutMs,
    crashLimit: queue?.crashLimit ?? server.crashLimit,
  };
}

/** What a queue sets for chains whose root is in it; undefined: the server decides. Spans in ms. */
export interface QueueRetention {
  readonly completedRetentionMs: number | undefined;
  readonly cancelledRetentionMs: number | undefined;
  readonly deadRetentionMs: number | undefined;
}

/** How long a chain is kept whose root ended so, in ms. */
export function retentionMs(state: TerminalState, queue: QueueRetention, server: Retention): number {
  switch (state) {
    case "COMPLETED":
      return queue.completedRetentionMs ?? server.completedMs;
    case "CANCELLED":
      return queue.cancelledRetentionMs ?? server.cancelledMs;
    case "DEAD":
      return queue.deadRetentionMs ?? server.deadMs;
    default:
      return state satisfies never;
  }
}
