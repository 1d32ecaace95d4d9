import assert from "node:assert/strict";
import { type ErrorCode, isConveyorError } from "../../src/core/errors.ts";

/** Matches an error by its code; its text must hold each of `parts`. */
export function failing(code: ErrorCode, ...parts: readonly string[]): (error: unknown) => true {
  return (error) => {
    assert.ok(isConveyorError(error), String(error));
    assert.equal(error.code, code, error.message);
    for (const part of parts) assert.ok(error.message.includes(part), `${error.message} says ${part}`);
    return true;
  };
}

/** Bounds a wait that a broken build would never end. */
export function soon(): AbortSignal {
  return AbortSignal.timeout(15_000);
}
