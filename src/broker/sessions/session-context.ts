import type { Clock } from "../../runtime/clock.ts";
import type { Ids } from "../../runtime/ids.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { Store } from "../../store/store.ts";
import type { SpecSource } from "../../wire/spec-to-job.ts";
import type { Committer } from "../committer.ts";
import type { Dispatcher } from "../dispatcher.ts";
import type { Gate } from "../gate.ts";
import type { LaneBoard } from "../lane-board.ts";
import type { BrokerIntervals } from "../options.ts";
import type { Departures } from "./departures.ts";
import type { Reporter } from "./reporter.ts";
import type { ResultRoom } from "./result-room.ts";
import type { SessionTable } from "./session-table.ts";
import type { Stager } from "./stager.ts";

/** What every session of a broker works with. */
export interface SessionContext {
  readonly store: Pick<Store, "leasePrincipal">;
  readonly committer: Committer;
  readonly dispatcher: Dispatcher;
  readonly board: LaneBoard;
  readonly table: SessionTable;
  readonly departures: Departures;
  readonly stager: Stager;
  readonly reporter: Reporter;
  readonly room: ResultRoom;
  readonly gate: Gate;
  sourceFor(principal: string): SpecSource;
  readonly intervals: BrokerIntervals;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly logger: Logger;
  /** Aborts when the broker has stopped. */
  readonly signal: AbortSignal;
}

/** How a stream ended; only a reset shortens the session's life, only a goodbye ends it. */
export type Departure = "goodbye" | "reset" | "silence" | "drain" | "superseded";
