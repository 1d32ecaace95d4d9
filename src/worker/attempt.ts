import type { Message } from "@bufbuild/protobuf";
import type { Any } from "@bufbuild/protobuf/wkt";
import type { Delivery, Result } from "../../gen/conveyor/v1/worker_service_pb.ts";
import { cutText } from "../core/error-text.ts";
import { ConveyorError } from "../core/errors.ts";
import { limits } from "../core/limits.ts";
import { packResult, unpackAny } from "../wire/job-payload.ts";
import { msToDuration } from "../wire/time.ts";
import { type Control, controlOf } from "./control.ts";
import type { Declarations } from "./declarations.ts";
import { describeFailure } from "./failure.ts";
import type { HandledType } from "./handled-type.ts";
import { type AttemptContext, isDeferredResult } from "./job-context.ts";

export type WireOutcome = Exclude<Result["outcome"], { readonly case: undefined }>;

/** How one attempt ended. */
export interface AttemptEnd {
  readonly outcome: WireOutcome;
  /** What went wrong, as it was thrown. */
  readonly error?: unknown;
}

/** Runs the handler of one attempt to its end and says how it ended. Never rejects: whatever is thrown is an outcome. */
export async function runAttempt(type: HandledType, delivery: Delivery, context: AttemptContext): Promise<AttemptEnd> {
  try {
    const returned = await type.run(payloadOf(type, delivery) as never, context);
    context.finish();
    const control = controlOf(returned);
    if (control !== undefined) return controlled(control);
    const result = resultOf(type, context, returned);
    const { declarations } = context;
    return { outcome: success(result, declarations, declarations === undefined ? 0 : await declarations.staged()) };
  } catch (thrown) {
    context.finish();
    const control = controlOf(thrown);
    return control === undefined ? { outcome: failure(thrown), error: thrown } : controlled(control);
  }
}

/** A failure by what was thrown, or because its time was over. */
export function failure(thrown: unknown, options: { readonly timedOut?: boolean } = {}): WireOutcome {
  return {
    case: "failure",
    value: {
      $typeName: "conveyor.v1.Failure",
      error: errorOf(thrown),
      timedOut: options.timedOut ?? false,
    },
  };
}

/** The lease goes back unharmed. */
export function release(): WireOutcome {
  return { case: "release", value: { $typeName: "conveyor.v1.Release" } };
}

function payloadOf(type: HandledType, { payload }: Delivery): Message {
  if (payload === undefined) throw new ConveyorError("PAYLOAD_INVALID", "the job was delivered without a payload");
  return unpackAny(type.schema, payload, "PAYLOAD_INVALID");
}

function success(result: Any | undefined, declarations: Declarations | undefined, staged: number): WireOutcome {
  return {
    case: "success",
    value: {
      $typeName: "conveyor.v1.Success",
      ...(result === undefined ? {} : { result }),
      declarations: [...(declarations?.list ?? [])],
      staged,
    },
  };
}

function resultOf(type: HandledType, context: AttemptContext, returned: unknown): Any | undefined {
  const fromHeir = context.declarations?.hasResultHeir ?? false;
  if (isDeferredResult(returned)) {
    if (fromHeir) return undefined;
    throw mismatch(type, "the handler returned an heir that was not declared with { asResult: true }");
  }
  if (type.result === undefined) {
    // What an arrow function happens to return is nobody's result; a message is meant as one.
    if (typeof returned !== "object" || returned === null || !("$typeName" in returned)) return undefined;
    throw mismatch(type, `it declares no result, but the handler returned a ${String(returned.$typeName)}`);
  }
  if (returned !== undefined && returned !== null) return packResult(type.result, returned);
  if (fromHeir) return undefined;
  throw mismatch(type, `the handler returned nothing, but must return a ${type.result.typeName} or an asResult heir`);
}

function controlled(control: Control): AttemptEnd {
  switch (control.kind) {
    case "snooze": {
      const delay = msToDuration(Math.ceil(control.delayMs));
      return { outcome: { case: "snooze", value: { $typeName: "conveyor.v1.Snooze", delay } } };
    }
    case "discard": {
      const { error } = control;
      return {
        outcome: { case: "discard", value: { $typeName: "conveyor.v1.Discard", error: errorOf(error) } },
        error,
      };
    }
    case "retry": {
      const { error, delayMs } = control;
      const asked = delayMs > 0 && delayMs <= limits.backoffMsMax;
      const failed = failure(error);
      if (asked && failed.case === "failure") failed.value.retryAfter = msToDuration(Math.ceil(delayMs));
      return { outcome: failed, error };
    }
    case "cancel": {
      const message = cutText(control.message, limits.errorMessageBytesMax);
      return { outcome: { case: "cancel", value: { $typeName: "conveyor.v1.Cancel", message } } };
    }
    default:
      return control satisfies never;
  }
}

function errorOf(thrown: unknown) {
  return { $typeName: "conveyor.v1.JobError" as const, ...describeFailure(thrown) };
}

function mismatch(type: HandledType, problem: string): ConveyorError {
  return new ConveyorError("RESULT_TYPE_MISMATCH", `${type.name}: ${problem}`);
}
