import type { Broker } from "./connection.ts";
import type { ExitCode } from "./exit-code.ts";
import type { Terminal } from "./terminal.ts";

/** A flag of a command. */
export interface Flag {
  /** The placeholder of its value; a flag without one is a switch. */
  readonly value?: string;
  readonly short?: string;
  /** May be given more than once. */
  readonly many?: boolean;
  readonly help: string;
}

/** What was typed after the command's name, checked against its flags. */
export interface Arguments {
  readonly positionals: readonly string[];
  /** The value of a flag; undefined when it was not given. */
  readonly value: (flag: string) => string | undefined;
  /** All values of a flag that may be given more than once. */
  readonly values: (flag: string) => readonly string[];
  /** Whether a switch was given. */
  readonly has: (flag: string) => boolean;
}

export interface CommandContext {
  readonly args: Arguments;
  readonly terminal: Terminal;
  /** The broker at `--address`, dialled on first use and closed after the command. */
  readonly broker: Broker;
  /** `--timeout` in ms; undefined when it was not given. */
  readonly timeoutMs: number | undefined;
}

/** One command of the command line. */
export interface Command {
  /** One or two words: `serve`, `job list`. */
  readonly name: string;
  readonly summary: string;
  /** Names of the arguments; `[name]` may be left out. */
  readonly positionals: readonly string[];
  readonly flags: Readonly<Record<string, Flag>>;
  readonly examples: readonly string[];
  readonly run: (context: CommandContext) => Promise<ExitCode>;
}
