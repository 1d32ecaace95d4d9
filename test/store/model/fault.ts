import type { Engine } from "../engine.ts";

/** What happens between a driver and its server within one command, as data. */
export type Fault =
  | {
      /** One connection is cut at a statement: before the server has it, or after it did all of it. */
      readonly kind: "cut";
      readonly moment: "before" | "after";
      /** Statements of the command that still go through. */
      readonly skip: number;
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
  /** From here on, until `disarm`. */
  arm(fault: Fault): Promise<void>;
  disarm(): DoneCut | undefined;
  /** How many statements of each kind came by. */
  readonly seen: ReadonlyMap<string, number>;
  close(): Promise<void>;
}
