import { ConveyorError, type ErrorCode } from "../core/errors.ts";

/** An error about one field of a request: names it in the text and in the details. */
export function invalidField(code: ErrorCode, path: string, problem: string): ConveyorError {
  return new ConveyorError(code, `${path}: ${problem}`, { details: { fields: [{ path, problem }] } });
}
