import { ConveyorError, type ErrorCode, isConveyorError } from "../../core/errors.ts";

/** What is known of a try that failed. */
export interface Failure {
  readonly error: unknown;
  /** Trying again may succeed within seconds. */
  readonly passing: boolean;
  /** Its change may have been committed. */
  readonly unknown: boolean;
  /** The connection, and those beside it, should not be used again. */
  readonly dropAll: boolean;
}

type Kind = "passing" | "final" | "unknown" | "moved";
/** `state`: the beginning of the SQLSTATE, or all of it and the beginning of the message. */
type Entry = readonly [state: string, kind: Kind, as: ErrorCode, text: string];

/**
 * What PostgreSQL says, by the beginning of its SQLSTATE (the first match counts), and what to tell the user.
 * `passing`: undone, may work at once. `final`: undone, will not. `unknown`: passing, and may have been done. `moved`: undone, and
 * this server is no longer the one to write to. Source: appendix A of its manual.
 */
const table: readonly Entry[] = [
  ["40P01", "passing", "STORE_UNAVAILABLE", "had a deadlock"],
  ["40001", "passing", "STORE_UNAVAILABLE", "could not serialise a change"],
  ["40003", "unknown", "STORE_UNAVAILABLE", "does not know whether a change was made"],
  ["55P03", "passing", "STORE_UNAVAILABLE", "kept a lock for too long: look for long transactions on its tables"],
  ["57014", "final", "STORE_UNAVAILABLE", "took too long for a statement: look at its load; nothing was changed"],
  ["57P", "unknown", "STORE_UNAVAILABLE", "is starting, stopping or ended the connection"],
  ["08", "unknown", "STORE_UNAVAILABLE", "broke the connection"],
  ["53100", "final", "STORE_FULL", "is full: free space on its disk; nothing was changed"],
  ["53200", "passing", "STORE_UNAVAILABLE", "ran out of memory"],
  [
    "53300",
    "passing",
    "STORE_UNAVAILABLE",
    "has no connection left: raise max_connections, or lower pool_size in the URL",
  ],
  ["53", "passing", "STORE_UNAVAILABLE", "is out of resources"],
  [
    "25006",
    "moved",
    "STORE_READ_ONLY",
    "takes no writes: it is a replica, or set to read only; give the primary's address",
  ],
  [
    "28",
    "final",
    "STORE_DENIED",
    "refuses these credentials: look at the user and password in the URL, and at pg_hba.conf",
  ],
  ["42501", "final", "STORE_DENIED", "denies a right"],
  ["3D000", "final", "STORE_UNAVAILABLE", "has no such database: make it first, or correct the URL"],
  [
    "3F000",
    "final",
    "STORE_CORRUPT",
    "lost its schema while in use: restore it, or start the broker again to make it anew",
  ],
  ["42P01", "final", "STORE_CORRUPT", "lost a table while in use: restore it from a backup"],
  [
    "42883",
    "final",
    "STORE_CORRUPT",
    "lost a function while in use: start the broker again to make it anew, or update it if a newer Conveyor uses this store",
  ],
  // Of a call that was under way while another broker brought newer functions.
  ["XX000 cache lookup failed for function", "passing", "STORE_UNAVAILABLE", "got other functions meanwhile"],
  ["XX001", "final", "STORE_CORRUPT", "is damaged: restore it from a backup"],
  ["XX002", "final", "STORE_CORRUPT", "has a damaged index: REINDEX it"],
  ["58", "unknown", "STORE_UNAVAILABLE", "has trouble with its disk"],
];

const addressErrors: Readonly<Record<string, string>> = {
  ENOTFOUND: "has a host that no name server knows: correct the URL",
  EAI_AGAIN: "has a host whose name cannot be looked up now",
  ECONNREFUSED: "refuses connections: is it running, and is the port right?",
  ENOENT: "has no Unix socket there: correct the folder in the URL",
  EHOSTUNREACH: "cannot be reached over the network",
  ENETUNREACH: "cannot be reached over the network",
  ETIMEDOUT: "does not answer",
};

/** What the driver says without a code, when the connection is gone or was never there. */
const lostTexts = [
  "Connection terminated",
  "Query read timeout",
  "timeout expired",
  "timeout exceeded when trying to connect",
  "Client has encountered a connection error",
  "Client was closed",
];

/** The one place where an error of PostgreSQL or of the way to it becomes ours; `sent`: the statement had left for the server. */
export function failureOf(error: unknown, at: { readonly location: string; readonly sent: boolean }): Failure {
  if (isConveyorError(error)) return { error, passing: false, unknown: false, dropAll: false };
  const code = codeOf(error);
  const known = /^[0-9A-Z]{5}$/.test(code) ? entryOf(`${code} ${messageOf(error)}`) : undefined;
  if (known !== undefined) {
    const [, kind, as, text] = known;
    const detail = kind === "passing" ? `${text}; nothing was changed` : text;
    return {
      error: refuse(as, at.location, `${detail} (${code}: ${messageOf(error)})`, error),
      passing: kind !== "final",
      unknown: kind === "unknown" && at.sent,
      dropAll: kind === "moved",
    };
  }
  const way = wayError(error, code);
  if (way === undefined) return { error, passing: false, unknown: false, dropAll: false };
  const [as, passing, text] = way;
  const shown = refuse(as, at.location, `${text} (${messageOf(error)})`, error);
  return { error: shown, passing, unknown: passing && at.sent, dropAll: false };
}

function entryOf(said: string): Entry | undefined {
  return table.find(([state]) => said.startsWith(state));
}

/** Errors of the way to the server, before it says anything itself. */
function wayError(error: unknown, code: string): readonly [as: ErrorCode, passing: boolean, text: string] | undefined {
  const message = messageOf(error);
  const text = addressErrors[code];
  if (text !== undefined) return ["STORE_UNAVAILABLE", true, text];
  if (
    code.startsWith("ERR_TLS") ||
    code.startsWith("ERR_SSL") ||
    code.includes("CERT") ||
    code.startsWith("UNABLE_TO_")
  ) {
    return [
      "STORE_UNAVAILABLE",
      false,
      "shows a certificate that is not accepted: look at sslmode and sslrootcert in the URL",
    ];
  }
  if (message.startsWith("The server does not support SSL")) {
    return ["STORE_UNAVAILABLE", false, "offers no TLS: set sslmode=disable in the URL, or switch it on there"];
  }
  if (message.startsWith("SASL")) return ["STORE_DENIED", false, "asks for a password: look at the one in the URL"];
  const isLost =
    ["ECONNRESET", "EPIPE", "ECONNABORTED"].includes(code) || lostTexts.some((each) => message.startsWith(each));
  return isLost ? ["STORE_UNAVAILABLE", true, "does not answer, or broke the connection"] : undefined;
}

/** The error with the location named; the message of the server stays its own. */
export function refuse(code: ErrorCode, location: string, text: string, cause?: unknown): ConveyorError {
  return new ConveyorError(code, `the store ${location} ${text}`, {
    cause,
    details: { resource: { type: "store", name: location } },
  });
}

/** The SQLSTATE or the system's code; empty when there is none. */
export function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return "";
  // Several addresses of one name fail together.
  if (error instanceof AggregateError && error.errors.length > 0) return codeOf(error.errors[0]);
  return "code" in error && typeof error.code === "string" ? error.code : "";
}

function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === "") return messageOf(error.errors[0]);
  return error instanceof Error ? error.message : String(error);
}
