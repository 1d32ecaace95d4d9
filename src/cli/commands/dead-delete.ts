import { bulkFlags } from "../bulk.ts";
import type { Command } from "../command.ts";
import { deleteJobs } from "../delete-jobs.ts";
import { deadFilterFlags, deadFilterOf } from "../job-filter.ts";

export const deadDelete: Command = {
  name: "dead delete",
  summary: "Remove chains whose root is dead, all of them or those of one error",
  positionals: [],
  flags: { ...deadFilterFlags, ...bulkFlags },
  examples: ["conveyor dead delete --queue mail --all --yes"],
  run: (context) => deleteJobs(deadFilterOf(context.args), context),
};
