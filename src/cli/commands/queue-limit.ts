import { limits } from "../../core/limits.ts";
import { parseInteger } from "../arguments.ts";
import type { Command, CommandContext } from "../command.ts";
import type { ExitCode } from "../exit-code.ts";
import { updateQueue } from "../update-queue.ts";

export const queueLimit: Command = {
  name: "queue limit",
  summary: "Limit how many jobs of a queue run at once over all workers; none lifts the limit",
  positionals: ["queue", "n|none"],
  flags: {},
  examples: ["conveyor queue limit mail 10", "conveyor queue limit mail none"],
  run,
};

async function run(context: CommandContext): Promise<ExitCode> {
  const [, text = ""] = context.args.positionals;
  const paths = ["max_concurrency"];
  if (text === "none") return updateQueue(context, { settings: {}, paths });
  const maxConcurrency = parseInteger(text, { flag: "<n|none>", min: 0, max: limits.concurrencyMax }) ?? 0;
  return updateQueue(context, { settings: { maxConcurrency }, paths });
}
