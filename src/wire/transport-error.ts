import { status as grpcStatus } from "@grpc/grpc-js";
import type { ErrorCode } from "../core/errors.ts";
import { connectionProblem } from "./connection-problem.ts";

/** What a status without Conveyor's details means: grpc's own, a proxy's, or of another server altogether. */
export function codeOfTransport(code: number, details: string): { readonly code: ErrorCode; readonly message: string } {
  const said = details === "" ? (grpcStatus[code] ?? `status ${code}`) : details;
  switch (code) {
    case grpcStatus.UNAVAILABLE:
      return { code: "BROKER_UNREACHABLE", message: `the broker cannot be reached: ${connectionProblem(said)}` };
    case grpcStatus.CANCELLED: // a broker that is killed or shut down by force ends its calls so
    case grpcStatus.ABORTED:
      return { code: "BROKER_UNREACHABLE", message: `the broker ended the call: ${said}` };
    case grpcStatus.DEADLINE_EXCEEDED:
      return { code: "TIMED_OUT", message: `no answer in time: ${said}` };
    case grpcStatus.UNIMPLEMENTED:
      return { code: "METHOD_UNKNOWN", message: `the server does not know this method: ${said}` };
    case grpcStatus.RESOURCE_EXHAUSTED:
      return /message .*larger than/i.test(said)
        ? { code: "PAYLOAD_TOO_LARGE", message: `the message is too large for the transport: ${said}` }
        : { code: "SERVER_BUSY", message: `the server is at a limit: ${said}` };
    case grpcStatus.UNAUTHENTICATED:
      return { code: "CREDENTIALS_INVALID", message: said };
    case grpcStatus.PERMISSION_DENIED:
      return { code: "ROLE_MISSING", message: said };
    case grpcStatus.INVALID_ARGUMENT:
    case grpcStatus.OUT_OF_RANGE:
      return { code: "INVALID_OPTION", message: said };
    case grpcStatus.INTERNAL:
      return /RST_STREAM|GOAWAY|session|connection|stream/i.test(said)
        ? { code: "BROKER_UNREACHABLE", message: `the connection to the broker broke: ${said}` }
        : { code: "INTERNAL", message: said };
    default:
      return { code: "INTERNAL", message: said };
  }
}
