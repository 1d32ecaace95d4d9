/** disconnected: it tries again by itself. */
export type WorkerState = "connecting" | "connected" | "disconnected" | "stopping" | "stopped";

/** Which attempt of which job. */
export interface JobAttempt {
  readonly jobId: string;
  /** Full name of its job type. */
  readonly type: string;
  readonly attempt: number;
}

/**
 * What an error is about: a handler's failure, a result that the broker refused or recorded as another, the connection, the
 * worker itself (WORKER_STUCK: the one that asks for something to be done).
 */
export type ErrorContext =
  | ({ readonly kind: "handler" | "result" } & JobAttempt)
  | { readonly kind: "connection" | "worker" };

/** Functions that are told what happens. What they throw is dropped: they watch, and are not part of the work. */
export interface WorkerHooks {
  /** Unless it is about the worker nothing needs to be done: failures are recorded by the broker, connections are made again. */
  readonly onError?: ((error: unknown, context: ErrorContext) => unknown) | undefined;
  readonly onStateChange?: ((state: WorkerState) => unknown) | undefined;
  /** `run` was called. */
  readonly onStarted?: (() => unknown) | undefined;
  /** A broker has welcomed the worker. */
  readonly onConnected?: ((line: { readonly address: string; readonly sessionId: string }) => unknown) | undefined;
  /** A connection has ended; undefined: well. Another is made. */
  readonly onDisconnected?: ((error: unknown) => unknown) | undefined;
  /** A handler starts. */
  readonly onJobStarted?: ((job: JobAttempt) => unknown) | undefined;
  /** A handler has ended well after so long; its result is on its way. */
  readonly onJobSucceeded?: ((job: JobAttempt, elapsedMs: number) => unknown) | undefined;
  /** A handler has failed: `onError` is told too. */
  readonly onJobFailed?: ((job: JobAttempt, error: unknown) => unknown) | undefined;
  /** A worker that stops holds nothing any more, and the broker knows of all that it did. */
  readonly onDrained?: (() => unknown) | undefined;
  readonly onStopped?: (() => unknown) | undefined;
}

export interface Hooks {
  /** The state that was told last. */
  readonly last: WorkerState | undefined;
  error(error: unknown, context: ErrorContext): void;
  state(state: WorkerState): void;
  /** Whether there is a hook of this name: for what is told with every job. */
  hears(name: Told): boolean;
  /** Tells the one hook of this name. */
  tell<Name extends Told>(name: Name, ...said: Parameters<NonNullable<WorkerHooks[Name]>>): void;
}

type Told = Exclude<keyof WorkerHooks, "onError" | "onStateChange">;

/** The hooks with their throws and rejections dropped; a state is told once in a row. */
export function quietHooks(hooks: WorkerHooks): Hooks {
  let last: WorkerState | undefined;
  return {
    get last() {
      return last;
    },
    error(error, context) {
      quietly(() => hooks.onError?.(error, context));
    },
    state(state) {
      if (state === last) return;
      last = state;
      quietly(() => hooks.onStateChange?.(state));
    },
    hears: (name) => hooks[name] !== undefined,
    tell(name, ...said) {
      const hook: ((...said: never) => unknown) | undefined = hooks[name];
      if (hook !== undefined) quietly(() => Reflect.apply(hook, hooks, said));
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
