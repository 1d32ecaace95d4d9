import { ConveyorError, isConveyorError } from "../core/errors.ts";
import { type ExitCode, exitCodeOf } from "./exit-code.ts";
import type { OutputFormat } from "./terminal.ts";

/** Says on stderr what went wrong, with its code, and answers with the exit status. With `-o json` it is one line of JSON. */
export function report(
  error: unknown,
  { usage, format }: { readonly usage: string | undefined; readonly format: OutputFormat },
): ExitCode {
  const known = isConveyorError(error) ? error : unexpected(error);
  process.stderr.write(format === "table" ? textOf(known, usage) : `${jsonOf(known)}\n`);
  return exitCodeOf(known);
}

function textOf({ code, message, details }: ConveyorError, usage: string | undefined): string {
  const unnamed = (details.fields ?? []).filter(({ path }) => !message.includes(path));
  return [
    `conveyor: ${code}: ${message}`,
    ...unnamed.map(({ path, problem }) => `  ${path}: ${problem}`),
    ...(usage === undefined ? [] : [`usage: ${usage}`]),
    "",
  ].join("\n");
}

function jsonOf({ code, message, details }: ConveyorError): string {
  return JSON.stringify({ error: { code, message, ...details } });
}

/** A bug of ours: its stack is the only thing that helps. */
function unexpected(error: unknown): ConveyorError {
  const text = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return new ConveyorError("INTERNAL", text, { cause: error });
}
