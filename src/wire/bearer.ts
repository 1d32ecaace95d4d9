import * as grpc from "@grpc/grpc-js";
import { ConveyorError, isConveyorError } from "../core/errors.ts";
import { toServiceError } from "./error-status.ts";

/** What can stand after `Bearer ` (RFC 6750, b64token), from 1 to 4,096 characters. */
const tokenPattern = /^[A-Za-z0-9._~+/-]{1,4096}={0,2}$/;

/** Whether a text can be a bearer token at all. */
export function isToken(text: string): boolean {
  return tokenPattern.test(text);
}

/**
 * Adds a token to every call and stream of a channel. A fixed token is checked here (INVALID_OPTION); where a function throws or
 * answers no token, the call fails: BROKER_UNREACHABLE, which is tried again, or INVALID_OPTION.
 */
export function withBearer(token: string | (() => string)): grpc.Interceptor {
  if (typeof token !== "function") checkedToken(token);
  return (options, nextCall) => {
    const call = nextCall(options);
    return new grpc.InterceptingCall(call, {
      start(metadata, listener, next) {
        try {
          metadata.set("authorization", `Bearer ${typeof token === "function" ? askedToken(token) : token}`);
        } catch (error) {
          // The caller still has to hang its listeners on the call, and the call was never begun.
          process.nextTick(() => listener.onReceiveStatus(toServiceError(error)));
          call.cancelWithStatus(grpc.status.CANCELLED, "there is no token for it");
          return;
        }
        next(metadata, listener);
      },
    });
  };
}

function askedToken(token: () => string): string {
  try {
    return checkedToken(token());
  } catch (error) {
    if (isConveyorError(error)) throw error;
    const text = error instanceof Error ? error.message : String(error);
    throw new ConveyorError("BROKER_UNREACHABLE", `there is no token for the broker: token() threw: ${text}`);
  }
}

function checkedToken(token: unknown): string {
  if (typeof token === "string" && isToken(token)) return token;
  // Never the value: it may be a token with a typing error in it.
  const problem =
    typeof token === "string"
      ? "a token has 1 to 4096 letters, digits and the signs . _ ~ + / - and ends with at most two ="
      : `a token is a string; got ${token instanceof Promise ? "a promise: token() must answer at once" : typeof token}`;
  throw new ConveyorError("INVALID_OPTION", `token: ${problem}`, { details: { fields: [{ path: "token", problem }] } });
}
