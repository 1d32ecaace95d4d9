import { ConveyorError } from "../core/errors.ts";
import { within } from "../runtime/abort.ts";
import type { Clock } from "../runtime/clock.ts";
import { deferred } from "../runtime/deferred.ts";
import type { BrokerStream } from "./broker-stream.ts";
import type { Hooks } from "./hooks.ts";
import type { Slots } from "./slots.ts";

/** How a worker leaves: what runs ends or is released by a deadline, what has ended is acknowledged, the broker is told. */
export interface Departure {
  /** No more jobs are wanted. */
  readonly begun: boolean;
  /** Resolves when the broker has been told, or does not answer. Once more: the deadline comes forward if this one is earlier. */
  leave(deadlineMs: number): Promise<void>;
  /** Something changed that it may wait for. */
  notify(): void;
}

export interface DepartureOptions {
  readonly clock: Clock;
  readonly hooks: Hooks;
  readonly slots: Slots;
  readonly line: Line;
}

/** The session's connection, as far as leaving it goes. */
interface Line {
  /** Undefined while there is none. */
  readonly stream: BrokerStream | undefined;
  /** Whether the broker has answered Hello on this stream. */
  readonly welcomed: boolean;
  /** Whether deliveries can no longer come: the broker has confirmed the closed window, or there is no stream. */
  readonly silent: boolean;
  readonly over: AbortSignal;
  /** Tells the broker that no more jobs are wanted; nothing while there is no stream. */
  closeWindow(): void;
  /** No stream is opened after this. */
  end(): void;
}

/** After the deadline of a stop, for acknowledgements: as long as the deadline was, within these bounds. */
const acknowledgementsMsMin = 250;
const acknowledgementsMsMax = 5_000;
/** For the broker's end of the stream after Goodbye. */
const farewellMs = 1_000;

export function createDeparture({ clock, hooks, slots, line }: DepartureOptions): Departure {
  let begun = false;
  let changed = deferred<void>();
  let spanMs = Number.POSITIVE_INFINITY;
  let endAt = Number.POSITIVE_INFINITY;
  let left: Promise<void> | undefined;

  function leave(deadlineMs: number): Promise<void> {
    begun = true;
    const at = clock.elapsed() + deadlineMs;
    if (at < endAt) {
      endAt = at;
      spanMs = deadlineMs;
      changed.resolve();
    }
    left ??= depart();
    return left;
  }

  async function depart(): Promise<void> {
    hooks.state("stopping");
    slots.close();
    slots.releaseBuffered();
    line.closeWindow();
    const idle = () => slots.liveCount === 0;
    if (!(await reached(idle, () => endAt - Math.min(1_000, spanMs / 5)))) {
      slots.abortRunning(`its ${spanMs} ms are over`);
      await reached(idle, () => endAt);
      slots.releaseRunning();
    }
    const quiet = () => line.over.aborted || (slots.held.size === 0 && line.silent);
    const quietBy = clock.elapsed() + Math.min(acknowledgementsMsMax, Math.max(acknowledgementsMsMin, spanMs));
    const isQuiet = await reached(quiet, () => quietBy);
    if (isQuiet && slots.held.size === 0) hooks.tell("onDrained");
    if (!isQuiet && slots.held.size > 0) {
      const problem = `${slots.held.size} results were not acknowledged before the worker stopped; their jobs run again`;
      hooks.error(new ConveyorError("BROKER_UNREACHABLE", problem), { kind: "connection" });
    }
    line.end();
    await farewell();
  }

  async function farewell(): Promise<void> {
    const { stream } = line;
    if (stream === undefined) return;
    if (line.welcomed) {
      stream.send({ case: "goodbye", value: { $typeName: "conveyor.v1.Goodbye" } });
      stream.finish();
      await within(stream.ended, farewellMs);
    }
    stream.cut(new ConveyorError("CLOSED", "the worker has stopped"));
  }

  /** Whether `condition` holds by then; looked at after each change. */
  async function reached(condition: () => boolean, by: () => number): Promise<boolean> {
    while (!condition()) {
      const leftMs = by() - clock.elapsed();
      if (leftMs <= 0) return false;
      changed = deferred<void>();
      await within(changed.promise, leftMs);
    }
    return true;
  }

  return {
    get begun() {
      return begun;
    },
    leave,
    notify() {
      if (begun) changed.resolve();
    },
  };
}
