import type { Command } from "../command.ts";
import { updateQueue } from "../update-queue.ts";

export const queuePause: Command = {
  name: "queue pause",
  summary: "Hand out nothing more from a queue; running jobs go on",
  positionals: ["queue"],
  flags: {},
  examples: ["conveyor queue pause mail"],
  run: (context) => updateQueue(context, { settings: { paused: true }, paths: ["paused"] }),
};
