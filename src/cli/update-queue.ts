import type { MessageInitShape } from "@bufbuild/protobuf";
import { QueueService, type QueueSettingsSchema } from "../../gen/conveyor/v1/queue_service_pb.ts";
import type { CommandContext } from "./command.ts";
import { askOptions } from "./deadline.ts";
import { type ExitCode, exitCodes } from "./exit-code.ts";
import { printQueue } from "./print-queue.ts";

/** Sets what `paths` names (fields of QueueSettings; unset in `settings`: cleared) and prints the queue after it. */
export async function updateQueue(
  context: CommandContext,
  change: { readonly settings: MessageInitShape<typeof QueueSettingsSchema>; readonly paths: readonly string[] },
): Promise<ExitCode> {
  const [name = ""] = context.args.positionals;
  const request = { name, settings: change.settings, updateMask: { paths: [...change.paths] } };
  const { queue } = await context.broker.call(QueueService.method.updateQueue, request, askOptions(context));
  printQueue(queue, context.terminal);
  return exitCodes.ok;
}
