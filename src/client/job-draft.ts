import type { DescMessage, Message } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import { GroupSchema } from "../../gen/conveyor/v1/group_pb.ts";
import type { JobName, JobSettings } from "../wire/job-spec.ts";
import { type AnyJobType, type InitOf, isJobStub, type JobStub, type ResultOf } from "../wire/job-stub.ts";
import type { JobType } from "../wire/job-type.ts";

/** What a job may be given when it is enqueued. */
export interface EnqueueOptions<Result extends Message = Message> extends JobSettings, JobName {
  /**
   * The result's schema: gives `result()` its TypeScript type; needed where the option of the type does not lead to it, as for a
   * Group. A stub has it already.
   */
  readonly result?: GenMessage<Result> | undefined;
}

/** The same for a job of one type. */
export type EnqueueOptionsOf<Job extends AnyJobType, Result extends Message> = EnqueueOptions<Result> &
  (Job extends JobStub ? { readonly result?: undefined } : unknown);

declare const given: unique symbol;

/** A job that is not enqueued yet: made by `job()` and `group()`. */
export interface JobDraft<Result extends Message | undefined = Message | undefined> {
  readonly type: AnyJobType;
  readonly init: unknown;
  readonly options: EnqueueOptions;
  /** Only the compiler knows it: what the job gives. */
  readonly [given]?: () => Result;
}

/** A job for `enqueueBatch` and `enqueueTree`; the compiler holds `init` to the type. */
export function job<Job extends AnyJobType, Result extends Message = Message>(
  type: Job,
  init: InitOf<Job>,
  options?: EnqueueOptionsOf<Job, Result>,
): JobDraft<ResultOf<Job, Result>> {
  return { type, init, options: options ?? {} };
}

/** The root of a tree that has no work of its own: its children run at once, or at its run time. */
export function group<Result extends Message = Message>(
  title = "",
  options: EnqueueOptions<Result> = {},
): JobDraft<Result> {
  return { type: GroupSchema, init: { title }, options };
}

/** What a job's handle expects of it: a message, or "none" where its stub says so; undefined: nothing is known. */
export type ExpectedResult = DescMessage | "none" | undefined;

/** See `ExpectedResult`; `type` is what the draft's type was found to be. */
export function expectedResultOf(draft: JobDraft, type: JobType): ExpectedResult {
  return isJobStub(draft.type) ? (draft.type.result ?? "none") : type.result;
}

/** Whether a draft is one of a single job, not of a tree. */
export function isJobDraft(draft: JobDraft | { readonly job: JobDraft }): draft is JobDraft {
  return "type" in draft;
}
