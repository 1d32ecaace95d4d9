import type {
  BackoffPolicy,
  FailurePolicy,
  JobError,
  NewJob,
  NewNode,
  NewTree,
  Outcome,
  TreeNode,
  Trigger,
  TypedBytes,
} from "../../src/core/job.ts";
import {
  defaultQueue,
  groupType,
  type JobId,
  parseJobId,
  parseQueueName,
  parseTypeName,
  type TypeName,
} from "../../src/core/names.ts";

/** The job type of a test that does not care. */
export const workType: TypeName = parseTypeName("test.v1.Work");

export interface JobOptions {
  readonly type?: string;
  readonly queue?: string;
  readonly payload?: string | Uint8Array;
  readonly requestId?: string;
  readonly priority?: number;
  /** Not before this time, in ms since the epoch. */
  readonly at?: number;
  readonly delayMs?: number;
  readonly maxAttempts?: number;
  readonly backoff?: BackoffPolicy;
  readonly timeoutMs?: number;
  readonly metadata?: Readonly<Record<string, string>>;
  readonly schemaId?: string;
  readonly principal?: string;
}

export interface EdgeOptions extends JobOptions {
  readonly key?: string;
  readonly policy?: FailurePolicy;
  readonly trigger?: Trigger;
  readonly asResult?: boolean;
}

/** A node with what is enqueued below it. */
export interface Branch extends NewNode {
  readonly below: readonly Branch[];
}

export function job(id: string, options: JobOptions = {}): NewJob {
  const { payload = id, at, delayMs } = options;
  return {
    id: parseJobId(id),
    requestId: options.requestId,
    payload: typed(payload, options.type),
    queue: options.queue === undefined ? defaultQueue : parseQueueName(options.queue),
    priority: options.priority,
    start:
      at !== undefined
        ? { kind: "at", timeMs: at }
        : delayMs !== undefined
          ? { kind: "after", delayMs }
          : { kind: "now" },
    maxAttempts: options.maxAttempts,
    backoff: options.backoff,
    timeoutMs: options.timeoutMs,
    metadata: options.metadata,
    schemaId: options.schemaId ?? "",
    principal: options.principal ?? "",
  };
}

export function group(id: string, options: JobOptions = {}): NewJob {
  return job(id, { ...options, type: groupType, payload: new Uint8Array() });
}

export function child(id: string, options: EdgeOptions = {}, ...below: readonly Branch[]): Branch {
  return branch("CHILD", id, options, below);
}

export function heir(id: string, options: EdgeOptions = {}, ...below: readonly Branch[]): Branch {
  return branch("HEIR", id, options, below);
}

/** Flattens branches, parents first, into what a producer enqueues. */
export function tree(root: NewJob, ...branches: readonly Branch[]): NewTree {
  const nodes: TreeNode[] = [];
  let level = branches.map((each) => ({ parentIndex: 0, each }));
  while (level.length > 0) {
    const next: typeof level = [];
    for (const { parentIndex, each } of level) {
      nodes.push({ parentIndex, edge: each.edge, job: each.job });
      const index = nodes.length;
      next.push(...each.below.map((below) => ({ parentIndex: index, each: below })));
    }
    level = next;
  }
  return { root, nodes };
}

export function typed(value: string | Uint8Array, type: string = workType): TypedBytes {
  return { type: parseTypeName(type), bytes: typeof value === "string" ? new TextEncoder().encode(value) : value };
}

export function error(message = "it broke", name = "Error", stack = ""): JobError {
  return { name, message, stack };
}

/** A success with this result that declares `nodes`. */
export function success(nodes: readonly NewNode[] = [], result?: string | TypedBytes): Outcome {
  return {
    kind: "success",
    result: typeof result === "string" ? typed(result, "test.v1.Result") : result,
    nodes: nodes.map(({ edge, job: each }) => ({ edge, job: each })),
  };
}

export function failure(
  options: { readonly error?: JobError; readonly retryAfterMs?: number; readonly timedOut?: boolean } = {},
): Outcome {
  return {
    kind: "failure",
    error: options.error ?? error(),
    retryAfterMs: options.retryAfterMs,
    timedOut: options.timedOut ?? false,
  };
}

export function discard(): Outcome {
  return { kind: "discard", error: error("no use trying") };
}

export function snooze(delayMs: number): Outcome {
  return { kind: "snooze", delayMs };
}

export const release: Outcome = { kind: "release" };
export const cancel: Outcome = { kind: "cancel", message: "not wanted any more" };

export function jobId(text: string): JobId {
  return parseJobId(text);
}

export function textOf(value: TypedBytes | undefined): string | undefined {
  return value === undefined ? undefined : new TextDecoder().decode(value.bytes);
}

function branch(role: "CHILD" | "HEIR", id: string, options: EdgeOptions, below: readonly Branch[]): Branch {
  const { key = "", policy = "FAIL", trigger = "SUCCEEDED", asResult = false } = options;
  return { edge: { role, key, policy, trigger, asResult }, job: job(id, options), below };
}
