import { stripVTControlCharacters } from "node:util";
import { printable, type Terminal } from "./terminal.ts";

/** A column: its heading, and whether its cells stand to the right. */
export interface Column {
  readonly title: string;
  readonly right?: boolean;
}

/** A cell: text of a job, or text that was painted here and is safe. */
export type Cell = string | { readonly painted: string };

/** Lines of a table; the last column takes what room is left and is cut there. */
export function tableLines(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  terminal: Terminal,
): readonly string[] {
  const cells = rows.map((row) => row.map((cell) => (typeof cell === "string" ? printable(cell) : cell.painted)));
  const widths = columns.map((column, index) =>
    Math.max(column.title.length, ...cells.map((row) => textWidth(row[index] ?? ""))),
  );
  const head = columns.map((column) => terminal.paint("dim", column.title.toUpperCase()));
  return [head, ...cells].map((row) => {
    const line = row.map((text, index) => pad(text, widths[index] ?? 0, columns[index]?.right === true)).join("  ");
    return cut(line.trimEnd(), terminal.columns);
  });
}

/** Cut to the width of the screen, counting characters that are seen. */
export function cut(line: string, columns: number | undefined): string {
  // Zero: a terminal that does not tell its width.
  if (columns === undefined || columns === 0 || textWidth(line) <= columns) return line;
  // Styled text is not cut inside an escape sequence: the style is dropped with the rest.
  return `${[...stripVTControlCharacters(line)].slice(0, Math.max(0, columns - 1)).join("")}…`;
}

function pad(text: string, width: number, right: boolean): string {
  const space = " ".repeat(Math.max(0, width - textWidth(text)));
  return right ? space + text : text + space;
}

function textWidth(text: string): number {
  return [...stripVTControlCharacters(text)].length;
}
