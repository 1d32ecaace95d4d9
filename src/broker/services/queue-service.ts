import type { UntypedServiceImplementation } from "@grpc/grpc-js";
import { QueueService } from "../../../gen/conveyor/v1/queue_service_pb.ts";
import { ConveyorError } from "../../core/errors.ts";
import { parseQueueName, type TypeName } from "../../core/names.ts";
import type { QueueRecord } from "../../store/queue.ts";
import { queueChangeFromWire } from "../../wire/queue-change.ts";
import { queueToWire } from "../../wire/queue-to-wire.ts";
import type { Dispatcher } from "../dispatcher.ts";
import type { LaneBoard } from "../lane-board.ts";
import type { NewsDesk } from "../news.ts";
import { gated, type ServiceContext } from "./service-context.ts";

export function queueService(
  context: ServiceContext,
  lanes: { readonly board: LaneBoard; readonly dispatcher: Dispatcher; readonly news: Pick<NewsDesk, "tell"> },
): UntypedServiceImplementation {
  const { method } = QueueService;
  const toWire = (queue: QueueRecord) =>
    queueToWire(queue, (type) => lanes.board.workersOf({ queue: queue.name, type: type as TypeName })); // a type's name out of the store
  return {
    getQueue: gated(context, method.getQueue, async (request, caller) => {
      const name = parseQueueName(request.name, "name");
      caller.admit({ queue: name });
      const queue = await context.store.getQueue(name);
      if (queue === undefined) {
        throw new ConveyorError(
          "QUEUE_NOT_FOUND",
          `there is no queue ${name}: no job was ever in it and nothing was set`,
          {
            details: { resource: { type: "queue", name } },
          },
        );
      }
      return { queue: toWire(queue) };
    }),
    updateQueue: gated(context, method.updateQueue, async (request, caller) => {
      const name = parseQueueName(request.name, "name");
      caller.admit({ queue: name });
      const queue = await context.store.updateQueue(name, queueChangeFromWire(request.settings, request.updateMask));
      lanes.dispatcher.limit(name, queue.settings.maxConcurrency !== undefined);
      lanes.dispatcher.opened(name);
      const readied = queue.lanes.map(({ type }) => ({ queue: name, type }));
      lanes.news.tell({ readied, ended: [], cancels: [] });
      return { queue: toWire(queue) };
    }),
  };
}
