import type { Duration } from "@bufbuild/protobuf/wkt";
import type { Backoff } from "../../gen/conveyor/v1/options_pb.ts";
import { BackoffKindSchema } from "../../gen/conveyor/v1/options_pb.ts";
import type { Queue, QueueSettings } from "../../gen/conveyor/v1/queue_service_pb.ts";
import { durationToMs } from "../wire/time.ts";
import { stateText, words } from "./job-text.ts";
import { tableLines } from "./table.ts";
import { printable, type Terminal } from "./terminal.ts";
import { formatSpan } from "./time.ts";

/** A queue for people: its settings, then its lanes with their counts. */
export function queueLines(queue: Queue, terminal: Terminal): readonly string[] {
  const { settings } = queue;
  const facts = [
    ["queue", printable(queue.name)],
    ["paused", settings?.paused === true ? terminal.paint("yellow", "yes: nothing is handed out") : "no"],
    ["concurrency", settings?.maxConcurrency === undefined ? "no limit" : `at most ${settings.maxConcurrency}`],
    ["attempts", settings?.maxAttempts === undefined ? "the server's" : String(settings.maxAttempts)],
    ["back-off", backoffText(settings?.backoff)],
    ["time-out", settings?.timeout === undefined ? "the server's" : formatSpan(durationToMs(settings.timeout))],
    ["crash limit", settings?.crashLimit === undefined ? "the server's" : String(settings.crashLimit)],
    ["kept", retentionText(settings)],
    ["oldest wait", queue.oldestWait === undefined ? "nothing waits" : formatSpan(durationToMs(queue.oldestWait))],
  ];
  const head = facts.map(([name = "", text = ""]) => `${terminal.paint("dim", name.padEnd(11))}  ${text}`);
  return queue.lanes.length === 0 ? head : [...head, "", ...laneLines(queue, terminal)];
}

function laneLines(queue: Queue, terminal: Terminal): readonly string[] {
  const columns = [{ title: "type" }, { title: "workers", right: true }, { title: "jobs" }];
  const rows = queue.lanes.map((lane) => [
    lane.type,
    String(lane.workerCount),
    { painted: lane.counts.map(({ state, count }) => `${count} ${stateText(state, terminal)}`).join(", ") },
  ]);
  return tableLines(columns, rows, terminal);
}

function retentionText(settings: QueueSettings | undefined): string {
  const span = (duration: Duration | undefined) =>
    duration === undefined ? "the server's" : formatSpan(durationToMs(duration));
  const { completedRetention, cancelledRetention, deadRetention } = settings ?? {};
  if (!completedRetention && !cancelledRetention && !deadRetention) return "the server's";
  return `completed ${span(completedRetention)}, cancelled ${span(cancelledRetention)}, dead ${span(deadRetention)}`;
}

function backoffText(backoff: Backoff | undefined): string {
  if (backoff === undefined) return "the server's";
  const span = (duration: Backoff["initial"], unset: string) =>
    duration === undefined ? unset : formatSpan(durationToMs(duration));
  return `${words(BackoffKindSchema, backoff.kind)}, ${span(backoff.initial, "1.0s")} to ${span(backoff.max, "10m")}`;
}
