import { ConveyorError, type ErrorCode, isConveyorError } from "../../core/errors.ts";
import { isReplyError, LostConnection, NotConnected } from "./client.ts";

/** What Redis says, by the first word of its error, and what to tell the user. */
const table: Readonly<Record<string, readonly [as: ErrorCode, text: string]>> = {
  OOM: ["STORE_FULL", "is full: give the server more maxmemory; nothing was changed"],
  MISCONF: ["STORE_UNAVAILABLE", "cannot make changes durable: look at the server's disk and log; nothing was changed"],
  READONLY: ["STORE_UNAVAILABLE", "is a replica now, which takes no writes; nothing was changed"],
  LOADING: ["STORE_UNAVAILABLE", "is loading its data; nothing was changed"],
  MASTERDOWN: ["STORE_UNAVAILABLE", "is a replica without its master; nothing was changed"],
  NOREPLICAS: ["STORE_UNAVAILABLE", "has fewer replicas than its min-replicas-to-write; nothing was changed"],
  BUSY: ["STORE_UNAVAILABLE", "is busy with a script; nothing was changed"],
  CLUSTERDOWN: ["STORE_UNAVAILABLE", "is a cluster that is down: look at CLUSTER INFO; nothing was changed"],
  TRYAGAIN: ["STORE_UNAVAILABLE", "is moving keys between servers; nothing was changed"],
  MOVED: ["STORE_UNAVAILABLE", "moves keys between servers all the time; nothing was changed"],
  ASK: ["STORE_UNAVAILABLE", "moves keys between servers all the time; nothing was changed"],
  NOPERM: ["STORE_DENIED", "refuses what its user has no rights for: see ACL SETUSER"],
  NOAUTH: ["STORE_DENIED", "asks for a password: write redis://user:password@host"],
  WRONGPASS: ["STORE_DENIED", "refuses the user or its password"],
  EMPTIED: [
    "STORE_CORRUPT",
    "was emptied, or its namespace removed, while it was in use: all that was in it is gone; restart every broker on it",
  ],
  WRONGTYPE: ["STORE_CORRUPT", "has keys of another program in its namespace: choose another with ?namespace="],
};

/** What it says without a word of its own. */
const tableOfTexts: readonly (readonly [as: ErrorCode, text: string, said: RegExp])[] = [
  ["INVALID_OPTION", "has no database of that number: give another after the host", /DB index/],
  ["STORE_UNAVAILABLE", "takes no more connections: raise its maxclients", /max number of clients/],
  ["STORE_DENIED", "does not know a command that is needed: it may be disabled there", /unknown command/i],
];

/** Answers that say: not executed, and worth another try. */
const passing: readonly string[] = [
  "LOADING",
  "MASTERDOWN",
  "NOREPLICAS",
  "BUSY",
  "CLUSTERDOWN",
  "TRYAGAIN",
  "READONLY",
]
  // Of a cluster whose keys moved: where they are now is learned before the next try.
  .concat(["MOVED", "ASK"]);

/** The change was made, but on fewer servers than were asked for, or nobody could say on how many. */
export class TooFewReplicas extends Error {
  override readonly name = "TooFewReplicas";

  constructor(message: string, cause?: unknown) {
    super(message, { cause });
  }
}

/** The first word of what the server answered, also where a script of an older server wraps it. */
export function answerCode(error: unknown): string {
  if (!isReplyError(error)) return "";
  const { message } = error;
  const [first = ""] = message.split(" ", 1);
  if (first !== "ERR") return first;
  const wrapped = /-([A-Z]{3,})\s/.exec(message)?.[1];
  if (wrapped !== undefined) return wrapped;
  if (/ACL failure|can't (?:run this command|access at least one of the)/.test(message)) return "NOPERM";
  if (/AUTH .*(?:password|called)|invalid password/i.test(message)) return "WRONGPASS";
  return first;
}

/** Whether the same call may be tried again because the server did not execute it for now. */
export function isPassing(error: unknown): boolean {
  if (isConveyorError(error)) return error.code === "STORE_UNAVAILABLE";
  return passing.includes(answerCode(error));
}

/** The one place where an error of Redis becomes ours; any other error is answered as it is. */
export function storageError(error: unknown, location: string): unknown {
  if (isConveyorError(error)) return error;
  if (error instanceof LostConnection) return storeError("STORE_UNAVAILABLE", location, lostText(error), error);
  if (error instanceof TooFewReplicas) {
    const text = `made the change, maybe on its master alone, where it may be lost: wait= asks for replicas (${error.message})`;
    return storeError("STORE_UNAVAILABLE", location, text, error);
  }
  if (error instanceof NotConnected) return storeError("STORE_UNAVAILABLE", location, connectText(error), error);
  if (!isReplyError(error)) return error;
  const [as, text] = table[answerCode(error)] ?? tableOfTexts.find(([, , said]) => said.test(error.message)) ?? [];
  if (as === undefined || text === undefined) return error;
  const isFull = as === "STORE_UNAVAILABLE" && /no space left|disk.{0,20}full/i.test(error.message);
  const said = error.message.slice(0, 300);
  return isFull
    ? storeError(
        "STORE_FULL",
        location,
        `is full: free space on the server's disk; nothing was changed (${said})`,
        error,
      )
    : storeError(as, location, `${text} (${said})`, error);
}

/** An error about the store at `location`, whose text goes on with `text`. */
export function storeError(code: ErrorCode, location: string, text: string, cause?: unknown): ConveyorError {
  return new ConveyorError(code, `the store ${location} ${text}`, {
    ...(cause === undefined ? {} : { cause }),
    details: { resource: { type: "store", name: location } },
  });
}

function lostText(error: LostConnection): string {
  return `was lost while it worked (${error.message}): the change was made wholly or not at all`;
}

function connectText({ code, message }: NotConnected): string {
  if (/RESP type|Protocol error/.test(message))
    return "cannot be used: what listens there does not speak the Redis protocol";
  if (/CERT|SSL|TLS|EPROTO|UNABLE_TO_VERIFY/.test(code)) return `cannot be reached over TLS (${message})`;
  if (code === "ENOTFOUND" || code === "EAI_AGAIN") return `cannot be reached: its host name is not known (${message})`;
  return `cannot be reached: look whether the server runs there (${message})`;
}
