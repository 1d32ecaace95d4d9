/** disconnected: it tries again by itself. */
export type WorkerState = "connecting" | "connected" | "disconnected" | "stopping" | "stopped";

/**
 * What an error is about: a handler's failure, a result that the broker refused or recorded as another, the connection, the
 * worker itself (WORKER_STUCK: the one that asks for something to be done).
 */
export type ErrorContext =
  | { readonly kind: "handler" | "result"; readonly jobId: string; readonly type: string; readonly attempt: number }
  | { readonly kind: "connection" | "worker" };

/** Functions that are told what happens. What they throw is dropped: they watch, and are not part of the work. */
export interface WorkerHooks {
  /** Unless it is about the worker nothing needs to be done: failures are recorded by the broker, connections are made again. */
  readonly onError?: ((error: unknown, context: ErrorContext) => unknown) | undefined;
  readonly onStateChange?: ((state: WorkerState) => unknown) | undefined;
}

export interface Hooks {
  error(error: unknown, context: ErrorContext): void;
  state(state: WorkerState): void;
}

/** The hooks with their throws and rejections dropped; a state is told once in a row. */
export function quietHooks({ onError, onStateChange }: WorkerHooks): Hooks {
  let last: WorkerState | undefined;
  return {
    error(error, context) {
      quietly(() => onError?.(error, context));
    },
    state(state) {
      if (state === last) return;
      last = state;
      quietly(() => onStateChange?.(state));
    },
  };
}

function quietly(call: () => unknown): void {
  try {
    const answer = call();
    if (answer instanceof Promise) answer.catch(() => undefined);
  } catch {
    // see WorkerHooks
  }
}
