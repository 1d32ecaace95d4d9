import type { Result } from "../../gen/conveyor/v1/worker_service_pb.ts";
import { limits } from "../core/limits.ts";
import { jobSpecBytes } from "../wire/job-spec.ts";

/** Results on their way to the broker. */
export interface Outbox {
  add(result: Result): void;
  /** Forgets what was added, for another stream. */
  replace(results: readonly Result[]): void;
  /** The next frame's worth; empty when there is nothing. */
  take(): Result[];
}

/** One message is one write and one allocation: large frames gain nothing. A single result may exceed it. */
const frameBytesSoft = 256 * 1024;

/** Gathers results until the stream has room, and gives them out in frames of a good size. */
export function createOutbox(): Outbox {
  let waiting: Result[] = [];

  function take(): Result[] {
    let bytes = 0;
    let count = 0;
    for (const result of waiting) {
      bytes += resultBytes(result);
      if (count > 0 && (bytes > frameBytesSoft || count >= limits.resultsPerFrameMax)) break;
      count += 1;
    }
    const taken = waiting.slice(0, count);
    waiting = waiting.slice(count);
    return taken;
  }

  return {
    add(result) {
      waiting.push(result);
    },
    replace(results) {
      waiting = [...results];
    },
    take,
  };
}

function resultBytes({ outcome }: Result): number {
  switch (outcome.case) {
    case "success": {
      const { result, declarations } = outcome.value;
      let bytes = 64 + (result?.value.byteLength ?? 0);
      for (const each of declarations) bytes += 32 + (each.job ? jobSpecBytes(each.job) : 0);
      return bytes;
    }
    case "failure":
    case "discard": {
      const { message = "", stack = "" } = outcome.value.error ?? {};
      return 64 + 3 * (message.length + stack.length);
    }
    case "cancel":
      return 64 + 3 * outcome.value.message.length;
    default:
      return 64;
  }
}
