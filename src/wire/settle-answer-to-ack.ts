import type { ResultAck } from "../../gen/conveyor/v1/worker_service_pb.ts";
import type { ErrorCode } from "../core/errors.ts";
import type { AttemptOutcome, JobState } from "../core/job.ts";
import { outcomeToWire, stateToWire } from "./enums.ts";
import { codeToRpcStatus } from "./error-status.ts";

/** What became of a result; a store's answer is one. */
export type ResultAnswer =
  | {
      readonly kind: "accepted" | "repeated";
      readonly recorded: AttemptOutcome;
      readonly state: JobState;
      readonly problem: ErrorCode | undefined;
    }
  | { readonly kind: "conflict"; readonly jobId: string; readonly recorded: AttemptOutcome }
  | { readonly kind: "lost" };

/** The acknowledgement of a result that is durable or was refused. */
export function settleAnswerToAck(leaseId: string, answer: ResultAnswer): ResultAck {
  switch (answer.kind) {
    case "accepted":
    case "repeated":
      return {
        $typeName: "conveyor.v1.ResultAck",
        leaseId,
        state: stateToWire[answer.state],
        recorded: outcomeToWire[answer.recorded],
        error: answer.problem && notStored(answer.problem, answer.recorded),
      };
    case "conflict":
      return {
        $typeName: "conveyor.v1.ResultAck",
        leaseId,
        state: 0,
        recorded: outcomeToWire[answer.recorded],
        error: codeToRpcStatus(
          "RESULT_CONFLICT",
          `another outcome of this attempt was recorded before: ${answer.recorded}; it stands`,
        ),
      };
    case "lost":
      return {
        $typeName: "conveyor.v1.ResultAck",
        leaseId,
        state: 0,
        recorded: 0,
        error: codeToRpcStatus("LEASE_LOST", "the lease is not the job's newest any more; nothing was changed"),
      };
    default:
      return answer satisfies never;
  }
}

function notStored(problem: ErrorCode, recorded: AttemptOutcome) {
  return codeToRpcStatus(problem, `the result could not be stored and was recorded as ${recorded}: ${problem}`);
}
