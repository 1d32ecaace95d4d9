import type { Argument, Reply } from "./client.ts";

/** One run of a script of `lua/`: all its keys belong to one shard. */
export interface ScriptCall {
  /** `lua/<script>.lua`. */
  readonly script: string;
  readonly keys: readonly string[];
  readonly args: readonly Argument[];
}

/**
 * The way to the servers that reads and writes share: knows which server has which shard, loads scripts, and keeps no state of
 * any job. Every call is bounded, is tried again for some seconds where that can help, and throws ConveyorErrors with a STORE_
 * code. Bulk strings are answered as Buffers, integers as numbers.
 */
export interface Connection {
  readonly namespace: string;
  /** Shards are 0 to below this. */
  readonly shards: number;
  /** The time that tests give the store, never going back; null: the server's clock counts. */
  nowMs(): number | null;
  /** Runs a script that changes nothing on the shard's server. */
  read(shard: number, call: ScriptCall): Promise<Reply>;
  /** Runs a script that writes, and waits for as many replicas as the URL asks; `again`: an earlier try of this call may have been executed. */
  write(shard: number, make: (again: boolean) => ScriptCall): Promise<Reply>;
}
