/** The scripts of this store: what each does stands in `lua/<name>.lua`. */
export type ScriptName = WriteScript | ReadScript;

export type WriteScript =
  | "commit"
  | "session"
  | "promote"
  | "reap"
  | "propagate"
  | "cascade"
  | "expand"
  | "prune"
  | "forget"
  | "sweep"
  | "cancel"
  | "retry"
  | "remove"
  | "stage"
  | "report"
  | "queue"
  | "reserve"
  | "turn"
  | "namespace"
  | "adopt";

/** Those that only read. */
export type ReadScript =
  | "probe"
  | "peek"
  | "due"
  | "over"
  | "remembered"
  | "find"
  | "detail"
  | "list"
  | "chain"
  | "names"
  | "children"
  | "lease"
  | "queue-state"
  | "time"
  | "dump";

type ScriptArgument = string | Uint8Array;

/** One run of a script on one shard. It gets the shard's prefix as KEYS[1], and as ARGV[1] the time ("" = the server's own). */
export interface ScriptCall {
  readonly script: ScriptName;
  readonly shard: number;
  /** From ARGV[2] on. */
  readonly args: readonly ScriptArgument[];
  /** What to send instead when an earlier try may have been executed; else the same. */
  readonly argsAgain?: () => readonly ScriptArgument[];
}

/** What the verbs need of the connections to a namespace. */
export interface Connection {
  readonly namespace: string;
  readonly shards: number;
  /** Of the namespace: scripts that write change nothing where the shard is none of it, as after it was emptied. */
  readonly identity: string;
  /**
   * Runs a script and answers its one bulk string. Writes are answered when they are as durable as was asked for. Tries again
   * for a while when the server cannot be reached; throws STORE_UNAVAILABLE, STORE_FULL, CLOSED.
   */
  run(call: ScriptCall): Promise<Buffer>;
}
