import { deferred } from "../runtime/deferred.ts";

export interface StopSignals extends Disposable {
  /** Resolves with what asked for the stop. */
  readonly first: Promise<string>;
}

/**
 * Listens for the wish to end: SIGTERM, SIGINT, or the loss of the channel to the process that started this one. The first is
 * answered by a stop in good order, the second signal ends the process at once.
 */
export function stopSignals(): StopSignals {
  const { promise, resolve } = deferred<string>();
  let asked = false;
  const onSignal = (signal: NodeJS.Signals) => {
    if (asked) forced(signal);
    asked = true;
    resolve(signal);
  };
  const onDisconnect = () => resolve("the end of the process that started it");
  const forced = (signal: NodeJS.Signals) => {
    process.off(signal, onSignal);
    process.kill(process.pid, signal);
  };
  process.on("SIGTERM", onSignal).on("SIGINT", onSignal);
  process.once("disconnect", onDisconnect);
  return {
    first: promise,
    [Symbol.dispose]() {
      process.off("SIGTERM", onSignal).off("SIGINT", onSignal).off("disconnect", onDisconnect);
    },
  };
}
