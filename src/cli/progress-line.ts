import { cut } from "./table.ts";

/** A line that tells how far long work is; gone when it is disposed of. */
interface ProgressLine extends Disposable {
  readonly say: (line: string) => void;
}

/** Between two lines off a screen, in ms: enough to see that it goes on. */
const everyMs = 5_000;
const clearLine = "\r\u001b[K";

/** Writes over itself on a screen; off it, a line now and then. */
export function createProgressLine(
  stream: Pick<NodeJS.WriteStream, "isTTY" | "columns" | "write"> = process.stderr,
  now: () => number = () => performance.now(),
): ProgressLine {
  let nextAt = now() + everyMs;
  let drawn = false;
  return {
    say(line) {
      if (stream.isTTY) {
        stream.write(clearLine + cut(line, stream.columns));
        drawn = true;
      } else if (now() >= nextAt) {
        stream.write(`${line}\n`);
        nextAt = now() + everyMs;
      }
    },
    [Symbol.dispose]() {
      if (drawn) stream.write(clearLine);
    },
  };
}
