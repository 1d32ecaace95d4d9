import type { DescMessage, Message, MessageInitShape } from "@bufbuild/protobuf";
import type { GenMessage } from "@bufbuild/protobuf/codegenv2";
import { GroupSchema } from "../../gen/conveyor/v1/group_pb.ts";
import type { JobName, JobSettings } from "../wire/job-spec.ts";

/** What a job may be given when it is enqueued. */
export interface EnqueueOptions<Result extends Message = Message> extends JobSettings, JobName {
  /**
   * The result's schema: gives `result()` its TypeScript type; needed where the option of the type does not lead to it, as for a
   * Group.
   */
  readonly result?: GenMessage<Result> | undefined;
}

/** A job that is not enqueued yet: made by `job()` and `group()`. */
export interface JobDraft<Result extends Message = Message> {
  readonly schema: DescMessage;
  readonly init: unknown;
  readonly options: EnqueueOptions<Result>;
}

/** A job for `enqueueBatch` and `enqueueTree`; the compiler holds `init` to the schema. */
export function job<Schema extends DescMessage, Result extends Message = Message>(
  schema: Schema,
  init: MessageInitShape<Schema>,
  options: EnqueueOptions<Result> = {},
): JobDraft<Result> {
  return { schema, init, options };
}

/** The root of a tree that has no work of its own: its children run at once, or at its run time. */
export function group<Result extends Message = Message>(
  title = "",
  options: EnqueueOptions<Result> = {},
): JobDraft<Result> {
  return { schema: GroupSchema, init: { title }, options };
}
