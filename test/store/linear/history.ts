import type { StoreDump } from "../../../src/store/dump.ts";
import type { Operation } from "./operation.ts";

/** What three clients did to one store at the same time, and what they were told. */
export interface History {
  /** What was done before, by one client alone. */
  readonly setup: readonly Operation[];
  readonly calls: readonly Call[];
  /** What the store held when all calls had ended. */
  readonly final: StoreDump;
}

export interface Call {
  readonly client: number;
  readonly operation: Operation;
  readonly answer: string;
  /** When it began and ended, on a clock that counts such events: no two are the same. */
  readonly begun: number;
  readonly ended: number;
  /** The part of the same commit that comes before this one. */
  readonly follows?: Call;
}
