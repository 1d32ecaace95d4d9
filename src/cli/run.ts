import { parseSpan } from "../core/span.ts";
import { parseArguments, parseChoice } from "./arguments.ts";
import type { Arguments, Command } from "./command.ts";
import { connectBroker } from "./connection.ts";
import { credentialsOf } from "./credentials.ts";
import { type ExitCode, exitCodes } from "./exit-code.ts";
import { findCommand } from "./find-command.ts";
import { report } from "./report.ts";
import { type OutputFormat, processTerminal, toleratingClosedPipes } from "./terminal.ts";
import { commandHelp, synopsis } from "./usage.ts";

const formats = ["table", "json", "jsonl"] as const;

/** Runs what was typed and answers with its exit status; never throws. Errors go to stderr with their code. */
export async function run(argv: readonly string[]): Promise<ExitCode> {
  toleratingClosedPipes(process);
  let usage = 'conveyor <command> [arguments] [flags]; "conveyor help" lists the commands';
  try {
    const typed = findCommand(argv);
    if (typed.kind === "help") return show(typed.text);
    const { command, rest } = typed;
    usage = `${synopsis(command)}; "conveyor help ${command.name}" explains it`;
    const args = parseArguments(rest, command);
    if (args.has("help")) return show(commandHelp(command));
    return await execute(command, { args, ...globalsOf(args) });
  } catch (error) {
    return report(error, { usage, format: askedFormat(argv) });
  }
}

interface Globals {
  readonly format: OutputFormat;
  readonly address: string;
  readonly timeoutMs: number | undefined;
}

function globalsOf(args: Arguments): Globals {
  const timeout = args.value("timeout");
  return {
    format: parseChoice(args.value("output") ?? "table", formats, "--output"),
    address: args.value("address") ?? process.env.CONVEYOR_ADDRESS ?? "localhost:2668",
    timeoutMs: timeout === undefined ? undefined : parseSpan(timeout, "--timeout"),
  };
}

/** From here on an error is about what was asked for, not about how it was typed: no usage line. */
async function execute(
  command: Command,
  { args, format, address, timeoutMs }: Globals & { readonly args: Arguments },
): Promise<ExitCode> {
  const broker = connectBroker(address, () => credentialsOf(args, process.env));
  try {
    return await command.run({ args, broker, timeoutMs, terminal: processTerminal(format, process.env) });
  } catch (error) {
    return report(error, { usage: undefined, format });
  } finally {
    broker.close();
  }
}

function show(text: string): ExitCode {
  process.stdout.write(`${text}\n`);
  return exitCodes.ok;
}

/** The form of an error about flags that are not yet understood. */
function askedFormat(argv: readonly string[]): OutputFormat {
  const at = argv.findIndex((word) => /^(-o|--output)(=|$)|^-ojson/.test(word));
  return at >= 0 && /json/.test(`${argv[at]} ${argv[at + 1] ?? ""}`) ? "json" : "table";
}
