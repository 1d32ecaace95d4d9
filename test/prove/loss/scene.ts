/** A store with a writer at work, and what strikes it. */
export interface Scene extends AsyncDisposable {
  readonly url: string;
  /** Acknowledged jobs before the strike is prepared, and before it comes. */
  readonly acksBefore?: number;
  /** Goes before `strike` by as many acknowledged jobs again: a line to a replica that stands still, say. */
  prepare?(): Promise<void>;
  /** Ends what keeps the jobs; the writer may run on. */
  strike(writer: { kill(): Promise<void> }): Promise<void>;
  /** Brings back what keeps the jobs, and answers with where. */
  recover(): Promise<string>;
}

/** One row of the table of losses. */
export interface Row {
  readonly name: string;
  /** What the table of docs/stores.md says: nothing may be lost, or something must be seen to be. */
  readonly expects: "nothing" | "something";
  /** Why it cannot be tried here; undefined: it can. */
  open(folder: string): Promise<Scene>;
}
