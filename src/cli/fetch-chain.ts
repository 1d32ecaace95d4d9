import type { ChainNode, GetChainResponse } from "../../gen/conveyor/v1/job_service_pb.ts";
import { JobService } from "../../gen/conveyor/v1/job_service_pb.ts";
import { ConveyorError } from "../core/errors.ts";
import type { CommandContext } from "./command.ts";
import { askOptions } from "./deadline.ts";

const pageSize = 1_000;

/** A chain as it is read now: its pages may be of slightly different moments. */
export interface Chain {
  /** The job that was asked for. */
  readonly top: ChainNode;
  /** Totals and root of the first page, the nodes of all. */
  readonly answer: GetChainResponse;
  /** There are more nodes than `nodesMax`. */
  readonly more: boolean;
}

/** The chain at and below a job, `nodesMax` nodes of it at most; throws JOB_NOT_FOUND. */
export async function fetchChain(
  request: { readonly id: string; readonly depthMax?: number },
  nodesMax: number,
  context: CommandContext,
): Promise<Chain> {
  const options = askOptions(context);
  const answer = await context.broker.call(JobService.method.getChain, { ...request, pageSize }, options);
  const nodes = [...answer.nodes];
  let pageToken = answer.nextPageToken;
  while (pageToken !== "" && nodes.length < nodesMax) {
    const page = await context.broker.call(JobService.method.getChain, { ...request, pageSize, pageToken }, options);
    nodes.push(...page.nodes);
    pageToken = page.nextPageToken;
  }
  const [top] = nodes;
  if (top === undefined) throw new ConveyorError("INTERNAL", "the broker answered without the job");
  return {
    top,
    answer: { ...answer, nodes: nodes.slice(0, nodesMax), nextPageToken: "" },
    more: pageToken !== "" || nodes.length > nodesMax,
  };
}
