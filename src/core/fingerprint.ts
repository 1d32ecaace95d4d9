import type { JobError } from "./job.ts";

const prime = 0x100000001b3n;
const offset = 0xcbf29ce484222325n;

/** Bounds the work: like errors are alike long before this. */
const messageCharsMax = 1_000;

/**
 * 16 hex digits that are equal for like errors of one job type: type, error name, and message with its numbers masked.
 * Source of the hash: FNV-1a, 64 bit, over UTF-16 code units (draft-eastlake-fnv); it groups errors, it protects nothing.
 */
export function errorFingerprint(type: string, error: Pick<JobError, "name" | "message">): string {
  return hash(type + fingerprintRest(error));
}

/** What is hashed of an error after its job's type. */
export function fingerprintRest(error: Pick<JobError, "name" | "message">): string {
  return `\n${error.name}\n${maskNumbers(error.message.slice(0, messageCharsMax))}`;
}

/** Each number, hexadecimal one of eight digits or more, and UUID replaced by `#`. */
function maskNumbers(text: string): string {
  return text
    .replace(/\b(?=[0-9a-f-]*[0-9])[0-9a-f]{8,}(?:-[0-9a-f]+)*\b/gi, "#")
    .replace(/0x[0-9a-f]+/gi, "#")
    .replace(/[0-9]+(?:[.,][0-9]+)*/g, "#");
}

// Two 32-bit halves would be faster; errors of dead jobs are rare enough for BigInt.
function hash(text: string): string {
  let value = offset;
  for (let index = 0; index < text.length; index += 1) {
    value = BigInt.asUintN(64, (value ^ BigInt(text.charCodeAt(index))) * prime);
  }
  return value.toString(16).padStart(16, "0");
}
