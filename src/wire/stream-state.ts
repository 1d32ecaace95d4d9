import type { ConveyorError } from "../core/errors.ts";

/** The one end of a stream: runs `onEnd` at the first call of `now`, and never again. */
export function endOf(onEnd: (error: ConveyorError | undefined) => void): {
  readonly over: boolean;
  now(error: ConveyorError | undefined): void;
} {
  let over = false;
  return {
    get over() {
      return over;
    },
    now(error) {
      if (over) return;
      over = true;
      onEnd(error);
    },
  };
}

export interface Drain {
  /** There is room. */
  readonly open: boolean;
  /** Takes what `write` returned, and returns it. */
  after(written: boolean): boolean;
  /** One promise for all who wait for room. */
  wait(): Promise<void>;
  /** Lets all go on: there is room, or never will be again. */
  release(): void;
}

/** Whether a writable has room. */
export function drainOf(call: { on(event: "drain", listener: () => void): unknown }): Drain {
  let waiting: Promise<void> | undefined;
  let wake: () => void = () => undefined;
  let open = true;
  const release = () => {
    open = true;
    waiting = undefined;
    wake();
  };
  call.on("drain", release);
  return {
    get open() {
      return open;
    },
    after(written) {
      open = written;
      return written;
    },
    wait() {
      if (open) return Promise.resolve();
      waiting ??= new Promise((resolve) => {
        wake = resolve;
      });
      return waiting;
    },
    release,
  };
}
