import type { BulkFailure } from "../../gen/conveyor/v1/job_service_pb.ts";
import { ConveyorError } from "../core/errors.ts";
import { type BulkTotals, type BulkWords, countOf, printBulk } from "./bulk-report.ts";
import type { CommandContext, Flag } from "./command.ts";
import { type ExitCode, exitCodes } from "./exit-code.ts";
import { createProgressLine } from "./progress-line.ts";

/** Flags of every command that may change many jobs at once. */
export const bulkFlags: Readonly<Record<string, Flag>> = {
  "dry-run": { help: "only count what matches" },
  yes: { short: "y", help: "do not ask; needed off a terminal" },
};

/** One page of a bulk call, and what came of it. */
interface BulkPageRequest {
  readonly validateOnly: boolean;
  readonly pageSize: number;
  readonly pageToken: string;
}
export interface BulkPage {
  readonly matched: number;
  readonly changed: number;
  readonly failures: readonly BulkFailure[];
  readonly nextPageToken: string;
}

/** What is done to many things at once. */
export interface BulkAction extends BulkWords {
  readonly page: (request: BulkPageRequest) => Promise<BulkPage>;
}

const pageSize = 500;
/** Failures that are kept to be listed. */
const failuresMax = 1_000;

/**
 * Counts what matches and says so; then does it once someone has agreed, by `--yes` or when asked on a terminal. Answers with 2
 * when some were refused. Throws INVALID_OPTION off a terminal without `--yes`.
 */
export async function runBulk(action: BulkAction, context: CommandContext): Promise<ExitCode> {
  const { args, terminal } = context;
  const { matched } = await pages(action, { validateOnly: true, said: "matched" });
  if (args.has("dry-run")) {
    printBulk(action, { dryRun: true, matched }, terminal);
    return exitCodes.ok;
  }
  const what = `${action.verb} ${countOf(matched, action.noun)}`;
  if (matched > 0 && !args.has("yes") && !(await agreed(what, context))) {
    terminal.talk("nothing was changed");
    return exitCodes.ok;
  }
  terminal.talk(`${countOf(matched, action.noun)} matched`);
  const totals = await pages(action, { validateOnly: false, said: action.done });
  printBulk(action, { dryRun: false, ...totals }, terminal);
  return totals.refused > 0 ? exitCodes.usage : exitCodes.ok;
}

async function agreed(what: string, { terminal }: CommandContext): Promise<boolean> {
  if (terminal.ask !== undefined) return terminal.ask(`${what}?`);
  throw new ConveyorError("INVALID_OPTION", `this would ${what}; say --yes to do it, or --dry-run to count only`);
}

async function pages(
  action: BulkAction,
  { validateOnly, said }: { readonly validateOnly: boolean; readonly said: string },
): Promise<BulkTotals> {
  using progress = createProgressLine();
  const failures: BulkFailure[] = [];
  const sum = { matched: 0, changed: 0, refused: 0 };
  let pageToken = "";
  do {
    const page = await action.page({ validateOnly, pageSize, pageToken });
    sum.matched += page.matched;
    sum.changed += page.changed;
    sum.refused += page.failures.length;
    failures.push(...page.failures.slice(0, failuresMax - failures.length));
    pageToken = page.nextPageToken;
    progress.say(`${countOf(validateOnly ? sum.matched : sum.changed, action.noun)} ${said} so far`);
  } while (pageToken !== "");
  return { ...sum, failures };
}
