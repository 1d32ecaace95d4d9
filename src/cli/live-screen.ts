import { cut } from "./table.ts";

export interface Screen {
  /** Replaces what was drawn before; what does not fit is left out in the middle. */
  readonly draw: (lines: readonly string[]) => void;
}

const clearBelow = "\u001b[J";

/** A part of the screen that is drawn over and over, below what was printed before. */
export function createScreen(stream: NodeJS.WriteStream = process.stdout): Screen {
  let drawn = 0;
  return {
    draw(lines) {
      const shown = fitting(lines, Math.max(4, stream.rows - 1)).map((line) => cut(line, stream.columns));
      const back = drawn > 0 ? `\u001b[${drawn}A\r` : "";
      // One write: a half-drawn screen would flicker.
      stream.write(`${back}${clearBelow}${shown.join("\n")}\n`);
      drawn = shown.length;
    },
  };
}

/** The last lines hold the totals: they stay. */
function fitting(lines: readonly string[], rows: number): readonly string[] {
  if (lines.length <= rows) return lines;
  const tail = lines.slice(-2);
  const head = lines.slice(0, rows - tail.length - 1);
  return [...head, `… ${lines.length - head.length - tail.length} lines more`, ...tail];
}
