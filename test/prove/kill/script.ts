/**
 * What one job of the proof does. It travels as JSON in the job's payload and in the producer's ledger, so that a handler
 * needs no memory and the checker needs no plan: what should have happened can be read from the intent alone.
 */
export interface Script {
  /** Unique within the parent; of a root its job or request id. */
  readonly key: string;
  readonly type: ScriptType;
  /** How long the handler takes. */
  readonly ms: number;
  readonly does: Deed;
  /** The failures that come before `does`. */
  readonly failures: number;
  readonly policy: "FAIL" | "IGNORE" | "FAIL_FAST";
  readonly trigger: "SUCCEEDED" | "ANY_FAILED" | "SETTLED";
  readonly asResult: boolean;
  /** Its children and heirs are enqueued with it: its handler declares none. */
  readonly whole: boolean;
  readonly children: readonly Script[];
  readonly heirs: readonly Script[];
}

/**
 * `succeed`: with a result where the type has one, and with all children and heirs declared. `snooze`: the first attempt puts the
 * job off, later ones succeed. `fail`: every attempt fails. `discard`: gives up for good. `group`: a root that no worker runs.
 */
type Deed = "succeed" | "snooze" | "fail" | "discard" | "group";

/** `album` and `page` have the same result, `image` another, `chore` none. `mail` runs in a queue of its own. */
export type ScriptType = "album" | "page" | "image" | "mail" | "chore" | "group";

/** Full name of each type; its script stands in its first text field. */
export const typeNames: Readonly<Record<ScriptType, string>> = {
  album: "shop.v1.MakeAlbum",
  page: "shop.v1.PublishAlbum",
  image: "shop.v1.ResizeImage",
  mail: "shop.v1.SendEmail",
  chore: "shop.v1.Chore",
  group: "conveyor.v1.Group",
};

/** The queue of each type, by the options in its .proto. */
export const queues: readonly string[] = ["default", "images", "mail"];

/** A root with how it is enqueued. */
export interface PlannedRoot {
  readonly script: Script;
  /** `id`: with an id of the producer's choice. `request`: with a request id. `tree`: whole, as a static tree. */
  readonly how: "id" | "request" | "tree";
  readonly delayMs: number;
  readonly priority: number;
}

/** How many jobs a script becomes when nothing in it fails. */
export function nodeCount(script: Script): number {
  return [...script.children, ...script.heirs].reduce((sum, each) => sum + nodeCount(each), 1);
}
