import { type ConveyorError, errorStatus } from "../core/errors.ts";

const finalStatuses: readonly string[] = ["UNAUTHENTICATED", "PERMISSION_DENIED", "INVALID_ARGUMENT", "UNIMPLEMENTED"];

/** Whether a stream that ended so will never do better. `welcomed`: it had been let in. */
export function isFinal(error: ConveyorError, welcomed: boolean): boolean {
  const status = errorStatus[error.code];
  // A token that was taken back under way may have been replaced; the next Hello tells.
  return finalStatuses.includes(status) && !(status === "UNAUTHENTICATED" && welcomed);
}
