import type { Engine } from "../engine.ts";

/** What happens between a driver and its server within one command, as data. */
export type Fault =
  | {
      /** One connection is cut at a statement: before the server has it, or after it did all of it. */
      readonly kind: "cut";
      readonly moment: "before" | "after";
      /** Only at a statement of this kind; else at the first there is. */
      readonly of?: string | undefined;
    }
  /** The server forgets the scripts that it was given. */
  | { readonly kind: "flush" };

export interface DoneCut {
  /** Of the statement. */
  readonly kind: string;
  readonly moment: "before" | "after";
  /** The statement is the one that does what its command asks for; false: one that prepares it. */
  readonly isCommand: boolean;
}

/** An engine whose server can be disturbed. */
export interface FaultyEngine {
  readonly engine: Engine;
  /** The kinds of statements that reads are made of. */
  readonly reads: readonly string[];
  arm(fault: Fault): Promise<void>;
  /** The cut that was done within `work`, if any; what is armed stays so until then. Counts its statements. */
  during<T>(work: () => Promise<T>): Promise<{ readonly result: T; readonly cut: DoneCut | undefined }>;
  /** Forgets what was armed. */
  disarm(): void;
  /** How many statements of each kind commands were made of. */
  readonly seen: ReadonlyMap<string, number>;
  close(): Promise<void>;
}
