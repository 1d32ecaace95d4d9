import { confirm } from "./confirm.ts";

export type OutputFormat = "table" | "json" | "jsonl";

/** Where a command talks: data goes to stdout, talk to stderr. */
export interface Terminal {
  readonly format: OutputFormat;
  /** The width to draw for; undefined: unbounded. */
  readonly columns: number | undefined;
  /** Stdout is a screen that can be drawn over. */
  readonly live: boolean;
  /** Writes a line of data. */
  readonly data: (line: string) => void;
  /** Writes data as it is. */
  readonly raw: (text: string) => void;
  /** Writes a line of talk. */
  readonly talk: (line: string) => void;
  /** Asks a person a question of yes or no; undefined where nobody can answer. */
  readonly ask: ((question: string) => Promise<boolean>) | undefined;
  /** Styles text of stdout; as it is where colour is not wanted. */
  readonly paint: (style: Style, text: string) => string;
}

export type Style = "bold" | "dim" | "red" | "green" | "yellow" | "blue" | "cyan" | "magenta";

const codes: Readonly<Record<Style, number>> = {
  bold: 1,
  dim: 2,
  red: 31,
  green: 32,
  yellow: 33,
  blue: 34,
  magenta: 35,
  cyan: 36,
};

/** This process's terminal. Colour needs a screen and no NO_COLOR (https://no-color.org). */
export function processTerminal(format: OutputFormat, env: NodeJS.ProcessEnv): Terminal {
  const { stdin, stdout, stderr } = process;
  const live = stdout.isTTY === true && env.TERM !== "dumb";
  const colour = live && !env.NO_COLOR;
  return {
    format,
    columns: stdout.isTTY ? stdout.columns : undefined,
    live,
    data: (line) => void stdout.write(`${line}\n`),
    raw: (text) => void stdout.write(text),
    talk: (line) => void stderr.write(`${line}\n`),
    ask: stdin.isTTY && stderr.isTTY ? (question) => confirm(question) : undefined,
    paint: (style, text) => (colour ? `\u001b[${codes[style]}m${text}\u001b[0m` : text),
  };
}

/**
 * Ends quietly when the reader of the data has gone (`conveyor job list | head`). Talk that nobody reads is dropped: a broker must
 * not end because its log is closed.
 */
export function toleratingClosedPipes({ stdout, stderr }: Pick<NodeJS.Process, "stdout" | "stderr">): void {
  stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(0);
    throw error;
  });
  stderr.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code !== "EPIPE") throw error;
  });
}

/** Text of a job, harmless to a screen: control characters become visible, a line stays a line. */
export function printable(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, (character) => {
    if (character === "\n") return "\\n";
    if (character === "\t") return " ";
    return `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}
