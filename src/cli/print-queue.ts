import { toJson } from "@bufbuild/protobuf";
import { type Queue, QueueSchema } from "../../gen/conveyor/v1/queue_service_pb.ts";
import { ConveyorError } from "../core/errors.ts";
import { printJson } from "./print.ts";
import { queueLines } from "./queue-lines.ts";
import type { Terminal } from "./terminal.ts";

/** Prints a queue in the format that was asked for. */
export function printQueue(queue: Queue | undefined, terminal: Terminal): void {
  if (queue === undefined) throw new ConveyorError("INTERNAL", "the broker answered without the queue");
  if (terminal.format === "table") for (const line of queueLines(queue, terminal)) terminal.data(line);
  else printJson(toJson(QueueSchema, queue), terminal);
}
