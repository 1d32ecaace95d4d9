import type { StageChildrenRequest } from "../../../gen/conveyor/v1/worker_service_pb.ts";
import { ConveyorError } from "../../core/errors.ts";
import { invalidField } from "../../wire/invalid-field.ts";
import { stagePlace } from "../../wire/stage.ts";
import type { Caller } from "../services/service-context.ts";
import { stageChildren as stage } from "../sessions/stage-desk.ts";
import type { UnaryContext } from "./unary-context.ts";

/** Stages the children of one frame; resolves when that is durable, throws why it was refused. */
export async function stageChildren(
  request: StageChildrenRequest,
  caller: Caller,
  context: UnaryContext,
): Promise<{ readonly staged: number }> {
  caller.admit();
  const path = "stage";
  if (request.stage === undefined) throw invalidField("FRAME_INVALID", path, "it must be set");
  const staged = await stage(request.stage, {
    place: stagePlace(request.stage, path),
    path,
    principal: caller.principal,
    context,
    signal: AbortSignal.any([caller.signal, context.signal]),
    jobType: undefined,
  });
  if (staged !== undefined) return { staged };
  throw new ConveyorError("STORE_UNAVAILABLE", "the store did not answer in time; send this frame again");
}
