import { isConveyorError } from "../core/errors.ts";

export const logLevels = ["debug", "info", "warn", "error", "silent"] as const;
export type LogLevel = (typeof logLevels)[number];

/** Ids, counts and causes; never payloads, results, metadata or tokens. */
type LogFields = Readonly<Record<string, unknown>>;

/** One line for each event. */
export interface Logger {
  debug(event: string, fields?: LogFields): void;
  info(event: string, fields?: LogFields): void;
  warn(event: string, fields?: LogFields): void;
  error(event: string, fields?: LogFields): void;
}

const valueCharsMax = 2_000;
const nothing = (): void => undefined;

export const silentLogger: Logger = { debug: nothing, info: nothing, warn: nothing, error: nothing };

/** Writes `TIME LEVEL event key=value …`, one line an event, to `write` (standard error when left out). */
export function createLogger(options: {
  readonly level: LogLevel;
  readonly write?: (line: string) => void;
  readonly now?: () => number;
}): Logger {
  const write = options.write ?? ((line: string) => void process.stderr.write(line));
  const now = options.now ?? Date.now;
  const at = (level: Exclude<LogLevel, "silent">) =>
    logLevels.indexOf(level) < logLevels.indexOf(options.level)
      ? nothing
      : (event: string, fields: LogFields = {}) =>
          write(`${new Date(now()).toISOString()} ${level.toUpperCase().padEnd(5)} ${event}${textOf(fields)}\n`);
  return { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") };
}

function textOf(fields: LogFields): string {
  return Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}=${shown(value)}`)
    .join("");
}

function shown(value: unknown): string {
  const text = value instanceof Error ? causes(value) : typeof value === "string" ? value : String(value);
  const cut = text.length > valueCharsMax ? `${text.slice(0, valueCharsMax)}…` : text;
  return /^[\w.:/@-]+$/.test(cut) ? cut : JSON.stringify(cut);
}

/** An expected error says enough by its text; of a bug the stack is wanted. */
function causes(error: Error): string {
  const own = isConveyorError(error) ? `${error.code}: ${error.message}` : (error.stack ?? error.message);
  return error.cause instanceof Error ? `${own} <- ${causes(error.cause)}` : own;
}
