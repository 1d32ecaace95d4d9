import { bulkFlags } from "../bulk.ts";
import type { Command } from "../command.ts";
import { deadFilterFlags, deadFilterOf } from "../job-filter.ts";
import { retryJobs } from "../retry-jobs.ts";

export const deadRetry: Command = {
  name: "dead retry",
  summary: "Run dead jobs again, all of them or those of one error",
  positionals: [],
  flags: { ...deadFilterFlags, ...bulkFlags },
  examples: ["conveyor dead retry --error 9f86d081884c7d65 --dry-run", "conveyor dead retry --queue mail --yes"],
  run: (context) => retryJobs(deadFilterOf(context.args), context),
};
