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
  /** Resolves when the broker has been told, or does not answer. */
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

  async function leave(deadlineMs: number): Promise<void> {
    begun = true;
    hooks.state("stopping");
    slots.close();
    slots.releaseBuffered();
    line.closeWindow();
    const graceMs = Math.min(1_000, deadlineMs / 5);
    if (!(await reached(() => slots.liveCount === 0, deadlineMs - graceMs))) {
      slots.abortRunning(`its ${deadlineMs} ms are over`);
      await reached(() => slots.liveCount === 0, graceMs);
      slots.releaseRunning();
    }
    const quiet = () => line.over.aborted || (slots.held.size === 0 && line.silent);
    const waitMs = Math.min(acknowledgementsMsMax, Math.max(acknowledgementsMsMin, deadlineMs));
    if (!(await reached(quiet, waitMs)) && slots.held.size > 0) {
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

  /** Whether `condition` holds within `ms`; looked at after each change. */
  async function reached(condition: () => boolean, ms: number): Promise<boolean> {
    const endAt = clock.elapsed() + ms;
    while (!condition()) {
      const leftMs = endAt - clock.elapsed();
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
