import assert from "node:assert/strict";
import { type ConveyorError, type ErrorCode, isConveyorError } from "../../src/core/errors.ts";

/** Runs what must throw a ConveyorError of this code, and gives the error. */
export function throwsCode(code: ErrorCode, run: () => unknown): ConveyorError {
  try {
    run();
  } catch (error) {
    assert.ok(isConveyorError(error), `expected a ConveyorError, got ${String(error)}`);
    assert.equal(error.code, code, error.message);
    return error;
  }
  return assert.fail(`expected ${code}, nothing was thrown`);
}
