import { parseSpan, type Span } from "../core/span.ts";

const controlKey: unique symbol = Symbol.for("conveyor.control"); // shared between copies of this package

/** What a handler decided about its job other than success or failure. */
export type Control =
  | { readonly kind: "snooze"; readonly delayMs: number }
  | { readonly kind: "discard"; readonly error: unknown }
  | { readonly kind: "retry"; readonly delayMs: number; readonly error: unknown }
  | { readonly kind: "cancel"; readonly message: string };

/** To be thrown (or returned) by a handler: `throw context.discard("no such user")`. */
export interface HandlerOutcome extends Error {
  readonly [controlKey]: Control;
}

/** Runs the job again after `delay`; counts as no failure, at most 1,000 times. */
export function snooze(delay: Span): HandlerOutcome {
  return outcome("the job is put off", { kind: "snooze", delayMs: parseSpan(delay, "delay") });
}

/** Makes the job dead at once; `error` says why. */
export function discard(error: unknown): HandlerOutcome {
  return outcome("the job is given up", { kind: "discard", error });
}

/** A failure after which the handler chooses the wait; a delay that cannot be used leaves the choice to the policy. */
export function retryAfter(delay: Span, error: unknown): HandlerOutcome {
  return outcome("the job is tried again later", { kind: "retry", delayMs: usableMs(delay), error });
}

/** Cancels the handler's own job and what is below it. */
export function cancel(message: string): HandlerOutcome {
  return outcome("the job cancels itself", { kind: "cancel", message: String(message) });
}

/** What a thrown or returned value decides; undefined when it is anything else. */
export function controlOf(value: unknown): Control | undefined {
  try {
    return value instanceof Error && controlKey in value ? (value as HandlerOutcome)[controlKey] : undefined;
  } catch {
    return undefined; // a proxy may throw at any touch
  }
}

function outcome(message: string, control: Control): HandlerOutcome {
  return Object.assign(new Error(`${message}: throw or return this, it does nothing by itself`), {
    name: "HandlerOutcome",
    [controlKey]: control,
  });
}

function usableMs(delay: Span): number {
  try {
    return parseSpan(delay, "delay");
  } catch {
    return 0;
  }
}
