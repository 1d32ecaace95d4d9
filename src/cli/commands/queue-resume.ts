import type { Command } from "../command.ts";
import { updateQueue } from "../update-queue.ts";

export const queueResume: Command = {
  name: "queue resume",
  summary: "Hand out the jobs of a paused queue again",
  positionals: ["queue"],
  flags: {},
  examples: ["conveyor queue resume mail"],
  run: (context) => updateQueue(context, { settings: { paused: false }, paths: ["paused"] }),
};
