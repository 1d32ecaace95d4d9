import { fromBinary, type JsonObject } from "@bufbuild/protobuf";
import { type JobProgress, JobProgressSchema } from "../../gen/conveyor/v1/job_pb.ts";
import { ConveyorError } from "../core/errors.ts";
import { limits } from "../core/limits.ts";
import { invalidField } from "../wire/invalid-field.ts";
import { progressBytes } from "../wire/progress.ts";

/** How far a handler is; at most 16 KiB in all. */
export interface ProgressInit {
  /** From 0 to 1; left out when it is not known. */
  readonly fraction?: number | undefined;
  /** What it is doing. */
  readonly message?: string | undefined;
  /** Anything more, as plain JSON. */
  readonly details?: JsonObject | undefined;
}

/** A copy as it travels, with its size. Throws INVALID_OPTION, or PAYLOAD_TOO_LARGE above 16 KiB. */
export function progressOf(said: number | ProgressInit): { readonly progress: JobProgress; readonly bytes: number } {
  const { fraction, message = "", details } = typeof said === "number" ? { fraction: said } : said;
  if (fraction !== undefined && !(typeof fraction === "number" && fraction >= 0 && fraction <= 1)) {
    throw invalidField("INVALID_OPTION", "fraction", `it is a number from 0 to 1; got ${String(fraction)}`);
  }
  if (typeof message !== "string") {
    throw invalidField("INVALID_OPTION", "message", `it is text; got ${typeof message}`);
  }
  const bytes = progressBytes({ fraction, message, details: details && plain(details) });
  if (bytes.length > limits.progressBytesMax) {
    const problem = `progress takes at most ${limits.progressBytesMax} bytes, this has ${bytes.length}; keep large data elsewhere`;
    throw new ConveyorError("PAYLOAD_TOO_LARGE", problem);
  }
  return { progress: fromBinary(JobProgressSchema, bytes), bytes: bytes.length };
}

/** As JSON has it: protobuf would take what JSON cannot say for nothing. */
function plain(details: JsonObject): JsonObject {
  try {
    const copy: unknown = JSON.parse(JSON.stringify(details));
    if (typeof copy === "object" && copy !== null && !Array.isArray(copy)) return copy as JsonObject; // just parsed
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    throw invalidField("INVALID_OPTION", "details", `they must be plain JSON: ${text}`);
  }
  throw invalidField("INVALID_OPTION", "details", "they must be an object of plain JSON");
}
