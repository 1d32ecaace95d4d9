import { statSync } from "node:fs";

/**
 * Calls `onChange` once after any of these files was changed, replaced or linked elsewhere and then stood still for `everyMs`. It
 * looks instead of being told: notifications miss mounted secrets and network drives.
 */
export function onFilesChanged(
  paths: readonly string[],
  options: { readonly everyMs: number; readonly onChange: () => void },
): Disposable {
  let known = fingerprint(paths);
  let seen = known;
  const timer = setInterval(() => {
    const now = fingerprint(paths);
    const stands = now === seen;
    seen = now;
    if (!stands || now === known) return;
    known = now;
    options.onChange();
  }, options.everyMs);
  timer.unref();
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

function fingerprint(paths: readonly string[]): string {
  return paths.map(one).join(" ");
}

function one(path: string): string {
  const stats = statSync(path, { throwIfNoEntry: false, bigint: true });
  return stats === undefined ? "none" : `${stats.dev}:${stats.ino}:${stats.mtimeNs}:${stats.size}`;
}
