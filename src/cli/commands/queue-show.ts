import { QueueService } from "../../../gen/conveyor/v1/queue_service_pb.ts";
import type { Command, CommandContext } from "../command.ts";
import { askOptions } from "../deadline.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { printQueue } from "../print-queue.ts";

export const queueShow: Command = {
  name: "queue show",
  summary: "Show a queue: settings, counts per type and state",
  positionals: ["queue"],
  flags: {},
  examples: ["conveyor queue show mail"],
  run,
};

async function run(context: CommandContext): Promise<ExitCode> {
  const [name = ""] = context.args.positionals;
  const { queue } = await context.broker.call(QueueService.method.getQueue, { name }, askOptions(context));
  printQueue(queue, context.terminal);
  return exitCodes.ok;
}
