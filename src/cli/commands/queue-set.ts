import { create } from "@bufbuild/protobuf";
import type { Duration } from "@bufbuild/protobuf/wkt";
import { type Backoff, BackoffKind, BackoffSchema } from "../../../gen/conveyor/v1/options_pb.ts";
import { type QueueSettings, QueueSettingsSchema } from "../../../gen/conveyor/v1/queue_service_pb.ts";
import { ConveyorError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import { parseSpan } from "../../core/span.ts";
import { msToDuration } from "../../wire/time.ts";
import { parseChoice, parseInteger } from "../arguments.ts";
import type { Command, CommandContext } from "../command.ts";
import type { ExitCode } from "../exit-code.ts";
import { updateQueue } from "../update-queue.ts";

export const queueSet: Command = {
  name: "queue set",
  summary: "Set what applies to a queue's jobs where neither request nor type says otherwise; none clears a value",
  positionals: ["queue"],
  flags: {
    "max-attempts": { value: "N|none", help: "attempts that may fail before a job is dead" },
    backoff: {
      value: "KIND:FIRST[:MAX]|none",
      help: "the wait between attempts, such as exponential:1s:10m or fixed:5s",
    },
    "job-timeout": { value: "SPAN|none", help: "how long one attempt may run" },
    "crash-limit": { value: "N|none", help: "the crash with this number makes a job dead" },
    "retention-completed": { value: "SPAN|none", help: "how long a completed chain is kept, such as 24h" },
    "retention-cancelled": { value: "SPAN|none", help: "how long a cancelled one is" },
    "retention-dead": { value: "SPAN|none", help: "how long a dead one is" },
  },
  examples: [
    "conveyor queue set mail --max-attempts 3 --backoff fixed:5s --job-timeout 1m",
    "conveyor queue set mail --retention-completed 1h --retention-dead 7d",
  ],
  run,
};

/** Reads one field; "none" leaves it unset, which clears it by the mask. */
type Setter = (settings: QueueSettings, text: string) => void;

const setters: Readonly<Record<string, { readonly path: string; readonly set: Setter }>> = {
  "max-attempts": {
    path: "max_attempts",
    set(settings, text) {
      settings.maxAttempts = parseInteger(text, { flag: "--max-attempts", min: 1, max: limits.attemptsMax });
    },
  },
  backoff: {
    path: "backoff",
    set(settings, text) {
      settings.backoff = parseBackoff(text);
    },
  },
  "job-timeout": {
    path: "timeout",
    set(settings, text) {
      settings.timeout = msToDuration(parseSpan(text, "--job-timeout", limits.timeoutMsMax));
    },
  },
  "crash-limit": {
    path: "crash_limit",
    set(settings, text) {
      settings.crashLimit = parseInteger(text, { flag: "--crash-limit", min: 1, max: limits.attemptsMax });
    },
  },
  "retention-completed": {
    path: "completed_retention",
    set(settings, text) {
      settings.completedRetention = parseRetention(text, "--retention-completed");
    },
  },
  "retention-cancelled": {
    path: "cancelled_retention",
    set(settings, text) {
      settings.cancelledRetention = parseRetention(text, "--retention-cancelled");
    },
  },
  "retention-dead": {
    path: "dead_retention",
    set(settings, text) {
      settings.deadRetention = parseRetention(text, "--retention-dead");
    },
  },
};

async function run(context: CommandContext): Promise<ExitCode> {
  const settings = create(QueueSettingsSchema);
  const paths: string[] = [];
  for (const [flag, { path, set }] of Object.entries(setters)) {
    const text = context.args.value(flag);
    if (text === undefined) continue;
    paths.push(path);
    if (text !== "none") set(settings, text);
  }
  if (paths.length === 0) {
    throw new ConveyorError("INVALID_OPTION", `nothing to set; give one of --${Object.keys(setters).join(", --")}`);
  }
  return updateQueue(context, { settings, paths });
}

function parseRetention(text: string, flag: string): Duration {
  return msToDuration(parseSpan(text, flag));
}

function parseBackoff(text: string): Backoff {
  const [kind = "", first, max, ...rest] = text.split(":");
  if (rest.length > 0)
    throw new ConveyorError("INVALID_OPTION", `--backoff: KIND:FIRST[:MAX] is needed; got "${text}"`);
  const span = (part: string | undefined) =>
    part === undefined ? undefined : msToDuration(parseSpan(part, "--backoff", limits.backoffMsMax));
  const [initial, longest] = [span(first), span(max)];
  return create(BackoffSchema, {
    kind: BackoffKind[parseChoice(kind, ["EXPONENTIAL", "LINEAR", "FIXED"], "--backoff")],
    ...(initial === undefined ? {} : { initial }),
    ...(longest === undefined ? {} : { max: longest }),
  });
}
