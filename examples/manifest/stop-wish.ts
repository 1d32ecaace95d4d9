/** How often the parent is looked for, in ms. */
const lookMs = 1_000;

/** Aborts when this process should end: SIGINT, SIGTERM, SIGHUP, or its parent is gone. */
export function stopWish(): AbortSignal & Disposable {
  const controller = new AbortController();
  const parent = process.ppid;
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  const onSignal = (signal: string) => controller.abort(new Error(`stopped by ${signal}`));
  const looking = setInterval(() => {
    if (process.ppid !== parent) controller.abort(new Error("stopped: the process that started this one is gone"));
  }, lookMs);
  looking.unref();
  for (const signal of signals) process.on(signal, onSignal);
  return Object.assign(controller.signal, {
    [Symbol.dispose]() {
      clearInterval(looking);
      for (const signal of signals) process.off(signal, onSignal);
    },
  });
}
