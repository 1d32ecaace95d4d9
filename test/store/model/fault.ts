import type { Store } from "../../../src/store/store.ts";
import type { Engine } from "../engine.ts";

/** A verb of a store that asks its server. */
export type Verb = Exclude<keyof Store, "description" | "announce" | "listen" | "dump" | "close">;

export type ReadVerb = (typeof readVerbs)[number];

export const readVerbs = [
  "getJob",
  "listJobs",
  "getChain",
  "listChildResults",
  "leasePrincipal",
  "getStatuses",
  "getQueue",
  "readTime",
] as const satisfies readonly Verb[];

/** What happens between a driver and its server within one command, as data. */
export type Fault =
  | {
      /** One connection is cut at a statement: before the server has it, or after it did all of it. */
      readonly kind: "cut";
      readonly moment: "before" | "after";
      /** Only at one of this verb; else at the first there is. */
      readonly of?: ReadVerb | undefined;
    }
  /** The server forgets the scripts that it was given. */
  | { readonly kind: "flush" };

/** An engine whose server can be disturbed. */
export interface FaultyEngine {
  readonly engine: Engine;
  arm(fault: Fault): Promise<void>;
  /** The cut that was done since it was asked last, if any. */
  fired(): DoneCut | undefined;
  /** Forgets what was armed and has not happened. */
  disarm(): void;
  /** How often each verb was called. */
  readonly seen: ReadonlyMap<string, number>;
  close(): Promise<void>;
}

export interface DoneCut {
  readonly verb: Verb;
  readonly moment: "before" | "after";
  /** The statement was the one that does what the verb says; false: one that makes it possible. */
  readonly isWhole: boolean;
}
