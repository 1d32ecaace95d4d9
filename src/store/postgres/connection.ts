/** What a parameter of a statement can be. */
export type Value = string | number | boolean | bigint | Uint8Array | null | readonly (string | number | null)[];

export interface Statement {
  readonly text: string;
  readonly values: readonly Value[];
}

/**
 * The way to the server that reads and writes share: a pool of connections without any state of their own. Every call is bounded,
 * is tried again for some seconds where that can help, and throws ConveyorErrors with a STORE_ code.
 * Rows are objects by column: whole numbers are numbers, bytea is a Buffer, json is parsed, NULL is null.
 */
export interface Connection {
  /** The quoted name of the schema: stands before every table and function in a statement. */
  readonly schema: string;
  /** The time that tests give the store, never going back; null: the server's clock counts. */
  nowMs(): number | null;
  /** Runs one statement that changes nothing. `Row` is the caller's word for what it selects. */
  read<Row>(text: string, values: readonly Value[]): Promise<readonly Row[]>;
  /** As `read` for several statements that see one moment. */
  snapshot<T>(work: (read: Connection["read"]) => Promise<T>): Promise<T>;
  /** Runs one statement that writes, as a transaction of its own; `again`: an earlier try of this call may have been committed. */
  write<Row>(make: (again: boolean) => Statement): Promise<readonly Row[]>;
}
