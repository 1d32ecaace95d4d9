/** gRPC status codes by name, so that core knows the mapping without knowing gRPC. */
export type StatusName =
  | "INVALID_ARGUMENT"
  | "NOT_FOUND"
  | "ALREADY_EXISTS"
  | "FAILED_PRECONDITION"
  | "ABORTED"
  | "RESOURCE_EXHAUSTED"
  | "OUT_OF_RANGE"
  | "UNAVAILABLE"
  | "UNAUTHENTICATED"
  | "PERMISSION_DENIED"
  | "UNIMPLEMENTED"
  | "DEADLINE_EXCEEDED"
  | "CANCELLED"
  | "INTERNAL";

/** Every code that a user can meet, with the gRPC status it travels as. The one table of errors. */
export const errorStatus = {
  PAYLOAD_INVALID: "INVALID_ARGUMENT",
  UNKNOWN_JOB_TYPE: "INVALID_ARGUMENT",
  INVALID_NAME: "INVALID_ARGUMENT",
  BAD_TOKEN: "INVALID_ARGUMENT",
  INVALID_OPTION: "INVALID_ARGUMENT",
  FRAME_INVALID: "INVALID_ARGUMENT",
  FRAME_OUT_OF_ORDER: "INVALID_ARGUMENT",
  TREE_INVALID: "INVALID_ARGUMENT",
  DUPLICATE_KEY: "INVALID_ARGUMENT",
  RESULT_TYPE_MISMATCH: "INVALID_ARGUMENT",
  BATCH_TOO_LARGE: "INVALID_ARGUMENT",
  JOB_NOT_FOUND: "NOT_FOUND",
  QUEUE_NOT_FOUND: "NOT_FOUND",
  JOB_ID_EXISTS: "ALREADY_EXISTS",
  LEASE_LOST: "FAILED_PRECONDITION",
  RESULT_CONFLICT: "FAILED_PRECONDITION",
  REQUEST_ID_REUSED: "FAILED_PRECONDITION",
  ATOMIC_SPANS_SHARDS: "FAILED_PRECONDITION",
  JOB_NOT_RETRYABLE: "FAILED_PRECONDITION",
  CHAIN_OPEN: "FAILED_PRECONDITION",
  STAGE_INCOMPLETE: "FAILED_PRECONDITION",
  CHAIN_TOO_DEEP: "FAILED_PRECONDITION",
  TOO_MANY_CHILDREN: "FAILED_PRECONDITION",
  TOO_MANY_HEIRS: "FAILED_PRECONDITION",
  CHAIN_TOO_LARGE: "FAILED_PRECONDITION",
  NO_RESULT: "FAILED_PRECONDITION",
  SCHEMA_INCOMPATIBLE: "FAILED_PRECONDITION",
  FILE_PATH_CONFLICT: "FAILED_PRECONDITION",
  SESSION_SUPERSEDED: "ABORTED",
  PAYLOAD_TOO_LARGE: "RESOURCE_EXHAUSTED",
  SLOW_WATCHER: "RESOURCE_EXHAUSTED",
  RESUME_TOKEN_EXPIRED: "OUT_OF_RANGE",
  SERVER_BUSY: "RESOURCE_EXHAUSTED",
  DRAINING: "UNAVAILABLE",
  STORE_UNAVAILABLE: "UNAVAILABLE",
  BROKER_UNREACHABLE: "UNAVAILABLE",
  STORE_CORRUPT: "FAILED_PRECONDITION",
  STORE_READ_ONLY: "FAILED_PRECONDITION",
  STORE_IN_USE: "FAILED_PRECONDITION",
  STORE_TOO_NEW: "FAILED_PRECONDITION",
  STORE_TOO_OLD: "FAILED_PRECONDITION",
  STORE_DENIED: "FAILED_PRECONDITION",
  STORE_LOSSY: "FAILED_PRECONDITION",
  STORE_FULL: "RESOURCE_EXHAUSTED",
  TOKENS_INVALID: "FAILED_PRECONDITION",
  CERTIFICATE_INVALID: "FAILED_PRECONDITION",
  ADDRESS_IN_USE: "FAILED_PRECONDITION",
  ADDRESS_UNSAFE: "FAILED_PRECONDITION",
  NODE_TOO_OLD: "FAILED_PRECONDITION",
  NO_CREDENTIALS: "UNAUTHENTICATED",
  CREDENTIALS_INVALID: "UNAUTHENTICATED",
  CREDENTIALS_EXPIRED: "UNAUTHENTICATED",
  ROLE_MISSING: "PERMISSION_DENIED",
  METHOD_UNKNOWN: "UNIMPLEMENTED",
  TIMED_OUT: "DEADLINE_EXCEEDED",
  ABORTED: "CANCELLED",
  JOB_FAILED: "FAILED_PRECONDITION",
  HANDLER_FINISHED: "FAILED_PRECONDITION",
  WORKER_STUCK: "RESOURCE_EXHAUSTED",
  CLOSED: "FAILED_PRECONDITION",
  INTERNAL: "INTERNAL",
} as const;

export type ErrorCode = keyof typeof errorStatus;

errorStatus satisfies Record<string, StatusName>;

/** What an error says beyond its text; each part goes into `google.rpc` details on the wire. */
export interface ErrorDetails {
  /** Paths of the request's fields that are wrong, with what is wrong with each. */
  readonly fields?: readonly { readonly path: string; readonly problem: string }[];
  /** The thing that was meant. */
  readonly resource?: { readonly type: "job" | "queue" | "session" | "lease" | "store"; readonly name: string };
  readonly retryAfterMs?: number;
  readonly metadata?: Readonly<Record<string, string>>;
}

/** The one error of Conveyor: a stable code, a message that says what, which and what to do. */
export class ConveyorError extends Error {
  override readonly name = "ConveyorError";
  readonly code: ErrorCode;
  readonly details: ErrorDetails;

  constructor(
    code: ErrorCode,
    message: string,
    options: { readonly cause?: unknown; readonly details?: ErrorDetails } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.details = options.details ?? {};
  }
}

/** Recognises a ConveyorError of any copy of this package, by its shape. */
export function isConveyorError(error: unknown): error is ConveyorError {
  return (
    error instanceof Error && error.name === "ConveyorError" && "code" in error && String(error.code) in errorStatus
  );
}
