import type { DescMessage, Message, MessageShape } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import {
  type ChildResult,
  type ListChildResultsRequest,
  type ListChildResultsResponse,
  WorkerService,
} from "../../gen/conveyor/v1/worker_service_pb.ts";
import { ConveyorError } from "../core/errors.ts";
import type { JobError, JobState } from "../core/job.ts";
import { stateFromWire } from "../wire/enums.ts";
import { unpackAny } from "../wire/job-payload.ts";
import { type AnyJobType, isJobStub, type JobStub } from "../wire/job-stub.ts";
import type { TypeLookup } from "../wire/job-type.ts";
import { typeNameOfUrl } from "../wire/payload.ts";

/** A child as its heir sees it. */
export interface ChildOutcome {
  readonly id: string;
  /** Full name of its job type. */
  readonly type: string;
  /** Name within the parent; empty when it has none. */
  readonly key: string;
  readonly state: JobState;
  /** Why it is dead or cancelled. */
  readonly reason: string | undefined;
  /** Why its last attempt failed, if it is dead. */
  readonly error: JobError | undefined;
  /** Full name of its result's message. */
  readonly resultType: string | undefined;
  /** Its result; undefined when it has none. Throws RESULT_TYPE_MISMATCH where it is not what the type gives, or not the schema's. */
  result<Result extends DescMessage>(job: JobStub<DescMessage, Result>): MessageShape<Result> | undefined;
  result<Result extends Message>(schema: GenMessage<Result>): Result | undefined;
}

/** Where the schema of a result comes from when the option of the job type does not lead to it. */
export interface ResultOption<Result extends Message> {
  readonly result?: GenMessage<Result> | undefined;
}

/** The call of an heir: by its live lease, for as long as it runs. */
interface HeirCall {
  readonly leaseId: string;
  readonly signal: AbortSignal;
}

/** Reads the children of a job for its heir, page by page. */
export interface ChildReader {
  results<Result extends Message>(call: HeirCall, job: AnyJobType, options: ResultOption<Result>): Promise<Result[]>;
  children(call: HeirCall): AsyncIterable<ChildOutcome>;
}

/** One page; tries again by itself for as long as the signal allows. */
export type ListChildren = (request: ListChildResultsRequest, signal: AbortSignal) => Promise<ListChildResultsResponse>;

export function createChildReader(options: { readonly list: ListChildren; readonly typeOf: TypeLookup }): ChildReader {
  async function* pages(call: HeirCall, filter: { readonly type: string; readonly completedOnly: boolean }) {
    let pageToken = "";
    do {
      const page = await options.list(
        {
          $typeName: WorkerService.method.listChildResults.input.typeName,
          leaseId: call.leaseId,
          type: filter.type,
          completedOnly: filter.completedOnly,
          pageSize: 0,
          pageToken,
        },
        call.signal,
      );
      yield page.children;
      pageToken = page.nextPageToken;
    } while (pageToken !== "");
  }

  return {
    async results<Result extends Message>(call: HeirCall, job: AnyJobType, override: ResultOption<Result>) {
      const type = options.typeOf(job, override.result);
      if (type.result === undefined) {
        throw new ConveyorError("NO_RESULT", `${type.name} declares no result; pass { result: Schema } if it has one`);
      }
      const results: Result[] = [];
      for await (const page of pages(call, { type: type.name, completedOnly: true })) {
        for (const { result } of page) {
          // The name was compared, so it is of the type that the schema stands for.
          if (result) results.push(unpackAny(type.result, result, "RESULT_TYPE_MISMATCH") as Result);
        }
      }
      return results;
    },
    async *children(call) {
      for await (const page of pages(call, { type: "", completedOnly: false })) yield* page.map(outcomeOf);
    },
  };
}

function outcomeOf(child: ChildResult): ChildOutcome {
  const { result, error } = child;
  return {
    id: child.jobId,
    type: child.type,
    key: child.key,
    state: stateFromWire(child.state, "state") ?? "READY",
    reason: child.reason || undefined,
    error: error && { name: error.name, message: error.message, stack: error.stack },
    resultType: result && typeNameOfUrl(result.typeUrl, "result.type_url"),
    result<Result extends Message>(of: AnyJobType) {
      const schema = isJobStub(of) ? of.result : of;
      return result && schema && (unpackAny(schema, result, "RESULT_TYPE_MISMATCH") as Result); // the name was compared
    },
  };
}
