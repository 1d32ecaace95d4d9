import type { Count, Progress } from "./progress.ts";

/** Shows the progress on a line that is drawn over, or as a line each second off a screen. */
export interface ProgressView {
  readonly show: (progress: Progress) => void;
  /** Leaves the last state standing. */
  readonly end: () => void;
}

const barWidth = 24;
const linesEveryMs = 1_000;

export function progressView(stream: NodeJS.WriteStream): ProgressView {
  const started = performance.now();
  const live = stream.isTTY === true;
  let drawn = false;
  let lastLineAt = started;
  return {
    show(progress) {
      const text = textOf(progress, performance.now() - started);
      if (live) {
        const bar = barOf(progress);
        stream.write(`\r\u001b[K${`${bar}  ${text}`.slice(0, (stream.columns ?? 80) - 1)}`);
        drawn = true;
      } else if (performance.now() - lastLineAt >= linesEveryMs) {
        lastLineAt = performance.now();
        stream.write(`${text}\n`);
      }
    },
    end() {
      if (drawn) stream.write("\n");
    },
  };
}

function textOf({ files, folders, manifests, levels }: Progress, elapsedMs: number): string {
  const done = files.done + folders.done + manifests.done;
  const rate = elapsedMs > 0 ? Math.round((done * 1_000) / elapsedMs) : 0;
  return [
    `files ${ratio(files)}`,
    `folders ${ratio(folders)}`,
    `merged ${ratio(manifests)}`,
    `${levels} levels`,
    `${rate.toLocaleString("en-US")} jobs/s`,
    `${(elapsedMs / 1_000).toFixed(1)} s`,
  ].join(" · ");
}

function ratio({ done, known }: Count): string {
  return `${done.toLocaleString("en-US")}/${known.toLocaleString("en-US")}`;
}

function barOf({ files, folders, manifests }: Progress): string {
  const known = files.known + folders.known + manifests.known;
  const done = files.done + folders.done + manifests.done;
  const filled = known === 0 ? 0 : Math.floor((done / known) * barWidth);
  return `${"█".repeat(filled)}${"░".repeat(barWidth - filled)}`;
}
