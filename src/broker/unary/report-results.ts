import type { ReportResultsRequest, ResultAck } from "../../../gen/conveyor/v1/worker_service_pb.ts";
import { ConveyorError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import { invalidField } from "../../wire/invalid-field.ts";
import { resultToOutcome } from "../../wire/result-to-outcome.ts";
import { settleAnswerToAck } from "../../wire/settle-answer-to-ack.ts";
import type { Caller } from "../services/service-context.ts";
import { admitted } from "../sessions/result-desk.ts";
import { settleUnheld } from "../sessions/settler.ts";
import type { UnaryContext } from "./unary-context.ts";

/** Settles results of any lease of the caller, also of a stream's; resolves when each is durable or refused. */
export async function reportResults(
  { results }: ReportResultsRequest,
  caller: Caller,
  context: UnaryContext,
): Promise<{ readonly acks: ResultAck[] }> {
  caller.admit();
  const { principal } = caller;
  if (results.length > limits.resultsPerFrameMax) {
    const problem = `at most ${limits.resultsPerFrameMax} in one call, got ${results.length}`;
    throw invalidField("BATCH_TOO_LARGE", "results", problem);
  }
  const source = context.sourceFor(principal);
  const ended = results.map((result, index) =>
    admitted(resultToOutcome(result, undefined, { ...source, path: `results[${index}]` }), {
      gate: context.gate,
      principal,
    }),
  );
  const signal = AbortSignal.any([caller.signal, context.signal]);
  const { store, committer, logger, ids } = context;
  const acks = await Promise.all(
    ended.map(async (each) => {
      const item = { ...each, jitter: ids.random() };
      const answer = await settleUnheld(item, { store, committer, logger, signal, principal });
      if (answer !== undefined) return settleAnswerToAck(each.leaseId, answer);
      throw new ConveyorError("STORE_UNAVAILABLE", "the store did not answer in time; send these results again");
    }),
  );
  return { acks };
}
