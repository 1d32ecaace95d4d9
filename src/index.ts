export type { BulkCancelOptions, BulkOptions, BulkResult } from "./client/bulk-jobs.ts";
export type { ChainInfo, ChainNodeInfo } from "./client/chain-info.ts";
export type { CancelOptions } from "./client/change-jobs.ts";
export { type ConnectOptions, type Conveyor, connect } from "./client/conveyor.ts";
export type { BatchEntries, BatchEntry, BatchOptions } from "./client/enqueuer.ts";
export { type EnqueueOptions, type EnqueueOptionsOf, group, type JobDraft, job } from "./client/job-draft.ts";
export type { JobFilter } from "./client/job-filter.ts";
export type { JobHandle, WaitOptions } from "./client/job-handle.ts";
export type { AttemptInfo, JobInfo, MessageBytes, ProgressInfo } from "./client/job-info.ts";
export type { ListOptions } from "./client/list-jobs.ts";
export type { QueueInfo, QueueUpdate, StateCounts } from "./client/queue-info.ts";
export type { SqlTransaction, TransactionOptions } from "./client/transactional.ts";
export type { ChildDraft, HeirDraft, TreeDraft } from "./client/tree.ts";
export type { JobEvent, JobGone, Watched } from "./client/watch-jobs.ts";
export { ConveyorError, type ErrorCode, type ErrorDetails, isConveyorError } from "./core/errors.ts";
export type {
  AttemptOutcome,
  BackoffPolicy,
  FailurePolicy,
  HoldReason,
  JobError,
  JobRole,
  JobState,
  Trigger,
} from "./core/job.ts";
export type { Span } from "./core/span.ts";
export type { Addresses } from "./wire/addresses.ts";
export type { Pem } from "./wire/certificates.ts";
export type { Credentials, TlsOptions } from "./wire/credentials.ts";
export type { InitOf, JobStub, JobStubOptions, JobStubs, PayloadOf, ResultOf } from "./wire/job-stub.ts";
export type { ChildOutcome, ResultOption } from "./worker/child-reader.ts";
export type { HandlerOutcome } from "./worker/control.ts";
export type { ChildOptions, HeirOptions } from "./worker/declarations.ts";
export type { HandleOptions } from "./worker/handled-type.ts";
export type { Handler, Handlers, ResultHandler, Returned } from "./worker/handler.ts";
export type { WorkerHealth } from "./worker/health.ts";
export type { ErrorContext, JobAttempt, WorkerHooks, WorkerState } from "./worker/hooks.ts";
export type { DeferredResult, HeirResult, JobContext } from "./worker/job-context.ts";
export type { ProgressInit } from "./worker/job-progress.ts";
export type { Middleware } from "./worker/middleware.ts";
export { createWorker, type RunOptions, type Worker } from "./worker/worker.ts";
export type { QueueOptions, WorkerOptions } from "./worker/worker-options.ts";
