import { inspect } from "node:util";
import { cutError } from "../core/error-text.ts";
import { isConveyorError } from "../core/errors.ts";
import type { JobError } from "../core/job.ts";
import { limits } from "../core/limits.ts";

const causesMax = 5;
const unreadable = "(cannot be read)";

/** Whatever a handler threw as the error that is kept with the attempt, cut to the limits. Never throws. */
export function describeFailure(thrown: unknown): JobError {
  return cutError(isError(thrown) ? describeError(thrown) : describeValue(thrown));
}

function describeError(error: Error): JobError {
  return {
    name: read(() => (isConveyorError(error) ? error.code : error.name)) || "Error",
    message: withCauses(error),
    stack: read(() => error.stack),
  };
}

/** What was thrown and is no error is shown as a value; a primitive as its text. */
function describeValue(value: unknown): JobError {
  return {
    name: "NonErrorThrown",
    message: typeof value === "string" ? value : shown(value),
    stack: "",
  };
}

function withCauses(error: Error): string {
  const seen = new Set<unknown>();
  const texts: string[] = [];
  for (let each: unknown = error; each !== undefined && texts.length < causesMax && !seen.has(each); ) {
    seen.add(each);
    const current = each;
    texts.push(isError(current) ? read(() => current.message) : describeValue(current).message);
    each = causeOf(current);
  }
  return texts.join(" <- ");
}

function causeOf(error: unknown): unknown {
  try {
    return isError(error) ? error.cause : undefined;
  } catch {
    return undefined;
  }
}

function isError(value: unknown): value is Error {
  try {
    return value instanceof Error;
  } catch {
    return false; // a proxy may throw at any touch
  }
}

/** A property of a stranger's error: its getter may throw, and give anything. */
function read(get: () => unknown): string {
  try {
    const value = get();
    return typeof value === "string" ? value : value === undefined ? "" : shown(value);
  } catch {
    return unreadable;
  }
}

function shown(value: unknown): string {
  try {
    return inspect(value, {
      depth: 3,
      customInspect: false,
      maxArrayLength: 50,
      maxStringLength: limits.errorMessageBytesMax,
      breakLength: Number.POSITIVE_INFINITY,
    });
  } catch {
    return unreadable;
  }
}
