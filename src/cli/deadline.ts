import type { CommandContext } from "./command.ts";

const callMs = 10_000;

/** The options of a call that only asks: `--timeout`, else ten seconds. */
export function askOptions({ timeoutMs }: Pick<CommandContext, "timeoutMs">): { readonly timeoutMs: number } {
  return { timeoutMs: timeoutMs ?? callMs };
}

const bulkCallMs = 60_000;

/** The options of a call that changes many rows: `--timeout` for each page, else a minute. */
export function bulkOptions({ timeoutMs }: Pick<CommandContext, "timeoutMs">): { readonly timeoutMs: number } {
  return { timeoutMs: timeoutMs ?? bulkCallMs };
}
