import pg from "pg";
import { sleep } from "../../runtime/abort.ts";
import { fullJitterMs } from "../../runtime/retry.ts";
import type { Connection, Statement, Value } from "./connection.ts";
import { type ServerPool, TryFailed } from "./pool.ts";

export interface PooledConnectionOptions {
  /** Not quoted. */
  readonly schema: string;
  /** Milliseconds since the epoch; only tests give one. */
  readonly clock: (() => number) | undefined;
  /** 0 to below 1: spreads tries. */
  readonly random: () => number;
}

export interface PooledConnection extends Connection {
  /** Does `work`, which may be repeated, on one connection of the pool. */
  prepare(work: (client: pg.ClientBase) => Promise<void>): Promise<void>;
  /** The time of tests is at least this from now on. */
  raiseNow(ms: number): void;
}

/** Reads of everything may take longer than what is read in daily work. */
const snapshotMsMax = 600_000;
/** No new try begins after this. */
const retryMs = 5_000;

/** The way to the server over a pool: each call takes a connection for one try. */
export function createConnection(pool: ServerPool, options: PooledConnectionOptions): PooledConnection {
  const { clock, random } = options;
  let highWater = 0;

  const read: Connection["read"] = (text, values) => {
    const statement = { text, values: values.map(soughtOf) };
    return retrying(() => pool.use((client) => rowsOf(client, statement)), random);
  };

  return {
    schema: pg.escapeIdentifier(options.schema),
    nowMs() {
      if (clock === undefined) return null;
      highWater = Math.max(highWater, clock());
      return highWater;
    },
    raiseNow(ms) {
      highWater = Math.max(highWater, ms);
    },
    prepare: (work) => retrying(() => pool.use(work), random),
    read,
    snapshot: (work) => retrying(() => pool.use((client) => inSnapshot(client, work)), random),
    write: (make) => retrying((again) => pool.use((client) => rowsOf(client, make(again))), random),
  };
}

async function rowsOf<Row>(
  client: pg.ClientBase,
  { text, values }: Statement,
  bounds: { readonly query_timeout?: number } = {},
): Promise<readonly Row[]> {
  // Rows are what the caller's statement selects.
  const { rows } = await client.query({ text, values: values.map(parameterOf), ...bounds });
  return rows as Row[];
}

/** No text in the tables holds U+0000, and none that is sought may: one that never was stands for it. */
function soughtOf(value: Value): Value {
  return typeof value === "string" && value.includes("\0") ? value.replaceAll("\0", "\uffff") : value;
}

/** The driver takes Buffers for bytes. */
function parameterOf(value: Value): unknown {
  if (!(value instanceof Uint8Array)) return value;
  return Buffer.isBuffer(value) ? value : Buffer.from(value.buffer, value.byteOffset, value.byteLength);
}

async function inSnapshot<T>(client: pg.ClientBase, work: (read: Connection["read"]) => Promise<T>): Promise<T> {
  await client.query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
  await client.query(`SET LOCAL statement_timeout = ${snapshotMsMax}`);
  try {
    const answer = await work((text, values) => rowsOf(client, { text, values }, { query_timeout: snapshotMsMax }));
    await client.query("COMMIT");
    return answer;
  } catch (error) {
    // A connection that broke takes its transaction with it.
    if (error instanceof pg.DatabaseError) await client.query("ROLLBACK");
    throw error;
  }
}

/** Tries again what can succeed within seconds; the last error is told when the time is over. */
async function retrying<T>(work: (again: boolean) => Promise<T>, random: () => number): Promise<T> {
  const startedAt = performance.now();
  let again = false;
  for (let failures = 0; ; failures += 1) {
    try {
      return await work(again);
    } catch (error) {
      if (!(error instanceof TryFailed)) throw error;
      const { failure } = error;
      again ||= failure.unknown;
      const waitMs = fullJitterMs(failures, { maxMs: 1_000, random });
      if (!failure.passing || performance.now() - startedAt + waitMs > retryMs) throw failure.error;
      await sleep(waitMs);
    }
  }
}
