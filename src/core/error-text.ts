import type { ErrorCode } from "./errors.ts";
import type { JobError } from "./job.ts";
import { limits } from "./limits.ts";

/** Why a store itself recorded an attempt as failed. */
export type RecordedErrorName = "WORKER_LOST" | "SNOOZE_LIMIT" | StorabilityProblem;

/** What can stand against a success whose nodes a store should take. */
export type StorabilityProblem = Extract<
  ErrorCode,
  | "CHAIN_TOO_DEEP"
  | "CHAIN_TOO_LARGE"
  | "TOO_MANY_CHILDREN"
  | "TOO_MANY_HEIRS"
  | "DUPLICATE_KEY"
  | "TREE_INVALID"
  | "STAGE_INCOMPLETE"
>;

const messages: Readonly<Record<RecordedErrorName, string>> = {
  WORKER_LOST: "the worker was lost while it held this job",
  SNOOZE_LIMIT: `the job was snoozed more than ${limits.snoozesMax} times`,
  CHAIN_TOO_DEEP: `the declared jobs would lie deeper than ${limits.depthMax} edges below the root`,
  CHAIN_TOO_LARGE: `the chain would have more than ${limits.chainNodesMax} jobs`,
  TOO_MANY_CHILDREN: `one result declares at most ${limits.declarationsMax} jobs, and one job has at most ${limits.childrenMax} children`,
  TOO_MANY_HEIRS: `one job has at most ${limits.heirsMax} heirs`,
  DUPLICATE_KEY: "a key was declared twice below one parent",
  TREE_INVALID: "more than one heir of one parent is as_result",
  STAGE_INCOMPLETE: "the result names another number of staged children than were staged",
};

/** The error that every store records with an attempt under this name; constant, so that like failures group. */
export function recordedError(name: RecordedErrorName): JobError {
  return { name, message: messages[name], stack: "" };
}

/** The same failure within the byte limits of name, message and stack; never splits a character. */
export function cutError(error: JobError): JobError {
  return {
    name: cutText(error.name, limits.errorNameBytesMax),
    message: cutText(error.message, limits.errorMessageBytesMax),
    stack: cutText(error.stack, limits.errorStackBytesMax),
  };
}

/**
 * The longest beginning of `text` that takes at most `bytesMax` bytes as UTF-8, ending between characters.
 * A lone surrogate counts three bytes, as the replacement character that it becomes.
 */
export function cutText(text: string, bytesMax: number): string {
  if (text.length * 3 <= bytesMax) return text;
  let bytes = 0;
  let end = 0;
  for (const character of text) {
    bytes += utf8Bytes(character.codePointAt(0) ?? 0);
    if (bytes > bytesMax) return text.slice(0, end);
    end += character.length;
  }
  return text;
}

/** Bytes of a text as UTF-8. */
export function textBytes(text: string): number {
  let bytes = 0;
  for (const character of text) bytes += utf8Bytes(character.codePointAt(0) ?? 0);
  return bytes;
}

function utf8Bytes(codePoint: number): number {
  if (codePoint < 0x80) return 1;
  if (codePoint < 0x800) return 2;
  return codePoint < 0x10000 ? 3 : 4;
}
