import { type RecordedErrorName, recordedError } from "../../core/error-text.ts";
import { fingerprintRest } from "../../core/fingerprint.ts";
import type { ServerDefaults } from "../../core/job.ts";
import { limits } from "../../core/limits.ts";
import { type Packable, pack } from "./msgpack.ts";
import { packBackoff } from "./queue-settings.ts";

const recordedNames: readonly RecordedErrorName[] = [
  "WORKER_LOST",
  "SNOOZE_LIMIT",
  "CHAIN_TOO_DEEP",
  "CHAIN_TOO_LARGE",
  "TOO_MANY_CHILDREN",
  "TOO_MANY_HEIRS",
  "DUPLICATE_KEY",
  "TREE_INVALID",
  "STAGE_INCOMPLETE",
];

/** What every script of a store is told besides its request: defaults, limits, texts (see `lua/step.lua`). */
export function callContext(defaults: ServerDefaults): Buffer {
  const { maxAttempts, backoff, timeoutMs, crashLimit } = defaults;
  const {
    depthMax,
    chainNodesMax,
    declarationsMax,
    heirsMax,
    snoozesMax,
    attemptsKeptFirst,
    attemptsKeptLast,
    childrenMax,
  } = limits;
  return pack([
    maxAttempts,
    packBackoff(backoff),
    timeoutMs,
    crashLimit,
    [depthMax, chainNodesMax, declarationsMax, heirsMax, snoozesMax, attemptsKeptFirst, attemptsKeptLast, childrenMax],
    recordedNames.map((name): Packable => {
      const error = recordedError(name);
      return [name, error.message, hashedText(error)];
    }),
  ]);
}

/** An error's part of its fingerprint, as the scripts hash it: UTF-16 code units, little-endian. */
export function hashedText(error: { readonly name: string; readonly message: string }): Buffer {
  return Buffer.from(fingerprintRest(error), "utf16le");
}
