const names = ["SIGTERM", "SIGINT"] as const;

/** Calls `onFirst` at the first SIGTERM or SIGINT and `onSecond` at the next; a third has its usual effect. Until the function it answers is called. */
export function onStopSignals(actions: { readonly onFirst: () => void; readonly onSecond: () => void }): () => void {
  let count = 0;
  const release = () => {
    for (const name of names) process.off(name, onSignal);
  };
  function onSignal(): void {
    count += 1;
    if (count === 1) {
      actions.onFirst();
      return;
    }
    release();
    actions.onSecond();
  }
  for (const name of names) process.on(name, onSignal);
  return release;
}
