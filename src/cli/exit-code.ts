import { type ConveyorError, errorStatus, type StatusName } from "../core/errors.ts";

/** What the exit status of every command means; part of the command line's contract. */
export const exitCodes = {
  ok: 0,
  jobFailed: 1,
  usage: 2,
  notFound: 3,
  unreachable: 4,
  denied: 5,
  timedOut: 6,
  internal: 7,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** The exit status for an error: by its code where that says more than its gRPC status. */
export function exitCodeOf(error: ConveyorError): ExitCode {
  const { code } = error;
  if (code === "JOB_FAILED") return exitCodes.jobFailed;
  if (code === "SERVER_BUSY") return exitCodes.unreachable;
  // Faults of a broker that cannot start; they never come from a call.
  if (code.startsWith("STORE_") || code.startsWith("ADDRESS_") || code === "NODE_TOO_OLD") {
    return code === "STORE_UNAVAILABLE" ? exitCodes.unreachable : exitCodes.internal;
  }
  return byStatus(errorStatus[code]);
}

function byStatus(status: StatusName): ExitCode {
  switch (status) {
    case "INVALID_ARGUMENT":
    case "ALREADY_EXISTS":
    case "FAILED_PRECONDITION":
    case "ABORTED":
    case "RESOURCE_EXHAUSTED":
    case "OUT_OF_RANGE":
      return exitCodes.usage;
    case "NOT_FOUND":
      return exitCodes.notFound;
    case "UNAVAILABLE":
      return exitCodes.unreachable;
    case "UNAUTHENTICATED":
    case "PERMISSION_DENIED":
      return exitCodes.denied;
    case "DEADLINE_EXCEEDED":
      return exitCodes.timedOut;
    case "UNIMPLEMENTED":
    case "CANCELLED":
    case "INTERNAL":
      return exitCodes.internal;
    default:
      return status satisfies never;
  }
}
