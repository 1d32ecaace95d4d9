import type { DescMessage, DescMethodUnary, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import type { handleUnaryCall } from "@grpc/grpc-js";
import type { QueueName, TypeName } from "../../core/names.ts";
import type { Effects } from "../../store/effects.ts";
import type { Store } from "../../store/store.ts";
import { methodPath } from "../../wire/service-definition.ts";
import type { SpecSource } from "../../wire/spec-to-job.ts";
import { handleUnary, type OnUnexpected, type ServerCallContext } from "../../wire/unary-handler.ts";
import type { Committer } from "../committer.ts";
import type { Gate } from "../gate.ts";
import type { Waiters } from "../waiters.ts";

/** What every service works with. */
export interface ServiceContext {
  readonly store: Store;
  readonly committer: Committer;
  readonly waiters: Waiters;
  readonly gate: Gate;
  readonly onUnexpected: OnUnexpected;
  /** Passes on what a write beside the committer did. */
  readonly onEffects: (effects: Effects) => void;
  /** There are chains to be removed. */
  readonly wakePruner: () => void;
  sourceFor(principal: string): SpecSource;
}

/** One call, its caller known. */
export interface Caller extends ServerCallContext {
  readonly principal: string;
  /** Throws ROLE_MISSING unless the caller may do this. */
  admit(about?: { readonly queue?: QueueName; readonly type?: TypeName }): void;
}

/** A unary method behind the gate: `handler` admits as soon as it knows what the call is about. */
export function gated<I extends DescMessage, O extends DescMessage>(
  context: ServiceContext,
  method: DescMethodUnary<I, O>,
  handler: (request: MessageShape<I>, caller: Caller) => Promise<MessageInitShape<O>>,
): handleUnaryCall<Buffer, Buffer> {
  const path = methodPath(method);
  return handleUnary(
    method,
    async (request, call) => {
      const principal = context.gate.authenticate(call);
      const admit: Caller["admit"] = (about = {}) => context.gate.admit({ principal, method: path, ...about });
      return handler(request, { ...call, principal, admit });
    },
    context.onUnexpected,
  );
}
