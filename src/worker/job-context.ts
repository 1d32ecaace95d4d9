import type { DescMessage, Message, MessageShape } from "@bufbuild/protobuf";
import type { JobProgress } from "../../gen/conveyor/v1/job_pb.ts";
import type { Delivery } from "../../gen/conveyor/v1/worker_service_pb.ts";
import { ConveyorError } from "../core/errors.ts";
import type { JobRole } from "../core/job.ts";
import type { Span } from "../core/span.ts";
import { roleFromWire } from "../wire/enums.ts";
import { type AnyJobType, type InitOf, isJobStub, type JobStub, type ResultSchemaOf } from "../wire/job-stub.ts";
import type { JobType, TypeLookup } from "../wire/job-type.ts";
import { durationToMs, timestampToMs } from "../wire/time.ts";
import type { ChildOutcome, ChildReader, ResultOption } from "./child-reader.ts";
import * as control from "./control.ts";
import { type ChildOptions, createDeclarations, type Declarations, type HeirOptions } from "./declarations.ts";
import { type ProgressInit, progressOf } from "./job-progress.ts";
import type { StageLine } from "./staging.ts";

const deferredKey: unique symbol = Symbol("conveyor.deferred");

/** Stands for the result of an `asResult` heir, of which `Result` is the schema; a handler may return it as its own. */
export interface DeferredResult<Result extends DescMessage | undefined = DescMessage | undefined> {
  readonly [deferredKey]: Result;
}

/** What `heir` gives: of a stub the promise of its result where it is `asResult`, else nothing; a schema does not tell. */
export type HeirResult<Job extends AnyJobType, AsResult extends boolean> = Job extends JobStub
  ? AsResult extends true
    ? DeferredResult<ResultSchemaOf<Job>>
    : undefined
  : DeferredResult;

/** What a handler knows of its job, and what it can do about it. `Result` is the schema of what its job is to give. */
export interface JobContext<Result extends DescMessage | undefined = DescMessage | undefined> {
  /** The job's id: make side effects idempotent on it. */
  readonly id: string;
  readonly type: string;
  readonly queue: string;
  /** Rises with every lease of the job, from 1. */
  readonly attempt: number;
  /** Attempts that may fail before the job is dead. */
  readonly maxAttempts: number;
  readonly failureCount: number;
  readonly priority: number;
  readonly rootId: string;
  /** Undefined for a root. */
  readonly parentId: string | undefined;
  readonly role: JobRole;
  /** Edges up to the root. */
  readonly depth: number;
  /** Name within the parent; empty when it has none. */
  readonly key: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly createdAt: Date;
  /** How long this attempt may run. */
  readonly timeoutMs: number;
  /**
   * Aborts when the job is cancelled (ABORTED), its time is over (TIMED_OUT), its lease is lost (LEASE_LOST) or the worker's
   * time to stop is over (CLOSED); the reason is a ConveyorError. Pass it on to all that waits.
   */
  readonly signal: AbortSignal;

  /** Declares a job that runs once this attempt has succeeded. Throws HANDLER_FINISHED after the handler returned. */
  child<Job extends AnyJobType>(job: Job, init: InitOf<Job>, options?: ChildOptions): void;
  /** Declares a job that runs once all children are terminal, see `trigger`. What it gives may be returned with `asResult`. */
  heir<Job extends AnyJobType, AsResult extends boolean = false>(
    job: Job,
    init: InitOf<Job>,
    options?: HeirOptions<AsResult & MayBeResult<Job, Result>>,
  ): HeirResult<Job, AsResult>;
  /**
   * Resolves when children that are more than one result may hold have reached the broker: await it after every few thousand, and
   * any number takes little memory. Throws why they were refused, such as TOO_MANY_CHILDREN.
   */
  flush(): Promise<void>;
  /**
   * Says how far this attempt is, for everyone who looks at the job; at most 16 KiB. Told once a second at most, the newest
   * counts. Nothing after the handler has returned. Throws INVALID_OPTION or PAYLOAD_TOO_LARGE.
   */
  progress(said: number | ProgressInit): void;
  /** In an heir: the results of the completed children of this type, in declaration order. */
  results<Result extends DescMessage>(job: JobStub<DescMessage, Result>): Promise<MessageShape<Result>[]>;
  /** The same for a schema: `results<Thumbnail>(Schema)` or `{ result: ThumbnailSchema }` says of which TypeScript type they are. */
  results<Result extends Message = Message>(schema: DescMessage, options?: ResultOption<Result>): Promise<Result[]>;
  /** In an heir: every child, in declaration order, with its state, result and error. */
  children(): AsyncIterable<ChildOutcome>;

  /** `throw context.snooze("5m")`: run again later; counts as no failure. */
  snooze(delay: Span): control.HandlerOutcome;
  /** `throw context.discard("no such user")`: dead at once. */
  discard(error: unknown): control.HandlerOutcome;
  /** `throw context.retryAfter("30s", error)`: a failure, with its wait chosen here. */
  retryAfter(delay: Span, error: unknown): control.HandlerOutcome;
  /** `throw context.cancel("not wanted any more")`: cancels this job. */
  cancel(message: string): control.HandlerOutcome;
}

/** Whether an heir may be `asResult`: a stub tells whether it gives what its parent is to give. */
type MayBeResult<Job extends AnyJobType, Result> = Job extends JobStub
  ? [ResultSchemaOf<Job>] extends [Result]
    ? boolean
    : false
  : boolean;

/** What an attempt tells the broker before its result. */
export interface AttemptLine {
  /** For children that are more than its result may hold. */
  stage(leaseId: string): StageLine;
  /** How far it is. `bytes`: the size of that. */
  tell(leaseId: string, progress: JobProgress, bytes: number): void;
  close(leaseId: string): void;
}

/** The context of one attempt: open -> finished, when the handler has returned or is no longer waited for. */
export class AttemptContext implements JobContext {
  readonly #delivery: Delivery;
  readonly #type: JobType;
  readonly #typeOf: TypeLookup;
  readonly #reader: ChildReader;
  readonly #line: AttemptLine;
  #controller: AbortController | undefined;
  #aborted: ConveyorError | undefined;
  #declarations: Declarations | undefined;
  #finished = false;

  constructor(options: {
    readonly delivery: Delivery;
    readonly type: JobType;
    readonly typeOf: TypeLookup;
    readonly reader: ChildReader;
    readonly line: AttemptLine;
  }) {
    this.#delivery = options.delivery;
    this.#type = options.type;
    this.#typeOf = options.typeOf;
    this.#reader = options.reader;
    this.#line = options.line;
  }

  get id(): string {
    return this.#delivery.jobId;
  }
  get type(): string {
    return this.#type.name;
  }
  get queue(): string {
    return this.#delivery.queue;
  }
  get attempt(): number {
    return this.#delivery.attempt;
  }
  get maxAttempts(): number {
    return this.#delivery.maxAttempts;
  }
  get failureCount(): number {
    return this.#delivery.failureCount;
  }
  get priority(): number {
    return this.#delivery.priority;
  }
  get rootId(): string {
    return this.#delivery.rootId;
  }
  get parentId(): string | undefined {
    return this.#delivery.parentId || undefined;
  }
  get role(): JobRole {
    return roleFromWire(this.#delivery.role, "role") ?? "ROOT";
  }
  get depth(): number {
    return this.#delivery.depth;
  }
  get key(): string {
    return this.#delivery.key;
  }
  get metadata(): Readonly<Record<string, string>> {
    return this.#delivery.metadata;
  }
  get createdAt(): Date {
    return new Date(this.#delivery.createTime ? timestampToMs(this.#delivery.createTime) : 0);
  }
  get timeoutMs(): number {
    return this.#delivery.timeout ? durationToMs(this.#delivery.timeout) : Number.POSITIVE_INFINITY;
  }

  /** Made at the first look: most handlers never look. */
  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.#aborted !== undefined) this.#controller.abort(this.#aborted);
    return this.#controller.signal;
  }

  /** Aborts the signal; the first reason stays. */
  abort(reason: ConveyorError): void {
    this.#aborted ??= reason;
    this.#controller?.abort(this.#aborted);
  }

  get aborted(): ConveyorError | undefined {
    return this.#aborted;
  }

  /** From here on nothing can be declared. */
  finish(): void {
    this.#finished = true;
  }

  get declarations(): Declarations | undefined {
    return this.#declarations;
  }

  /** The attempt has ended: what it said last goes, children that were not staged yet are dropped. */
  close(): void {
    this.#declarations?.close();
    this.#line.close(this.#delivery.leaseId);
  }

  child<Job extends AnyJobType>(job: Job, init: InitOf<Job>, options: ChildOptions = {}): void {
    this.#open("child").child(this.#typeOf(job), init, options);
  }

  heir<Job extends AnyJobType, AsResult extends boolean = false>(
    job: Job,
    init: InitOf<Job>,
    options: HeirOptions = {},
  ): HeirResult<Job, AsResult> {
    const type = this.#typeOf(job);
    this.#open("heir").heir(type, init, options);
    const deferred: DeferredResult = { [deferredKey]: type.result };
    return (isJobStub(job) && !options.asResult ? undefined : deferred) as HeirResult<Job, AsResult>;
  }

  async flush(): Promise<void> {
    await this.#declarations?.staged();
  }

  progress(said: number | ProgressInit): void {
    const { progress, bytes } = progressOf(said);
    if (!this.#finished) this.#line.tell(this.#delivery.leaseId, progress, bytes);
  }

  results<Result extends DescMessage>(job: JobStub<DescMessage, Result>): Promise<MessageShape<Result>[]>;
  results<Result extends Message = Message>(schema: DescMessage, options?: ResultOption<Result>): Promise<Result[]>;
  results<Result extends Message>(job: AnyJobType, options: ResultOption<Result> = {}): Promise<Result[]> {
    return this.#reader.results(this.#call, job, options);
  }

  children(): AsyncIterable<ChildOutcome> {
    return this.#reader.children(this.#call);
  }

  snooze(delay: Span): control.HandlerOutcome {
    return control.snooze(delay);
  }
  discard(error: unknown): control.HandlerOutcome {
    return control.discard(error);
  }
  retryAfter(delay: Span, error: unknown): control.HandlerOutcome {
    return control.retryAfter(delay, error);
  }
  cancel(message: string): control.HandlerOutcome {
    return control.cancel(message);
  }

  get #call(): { readonly leaseId: string; readonly signal: AbortSignal } {
    return { leaseId: this.#delivery.leaseId, signal: this.signal };
  }

  #open(what: string): Declarations {
    if (this.#finished) {
      throw new ConveyorError(
        "HANDLER_FINISHED",
        `${what}() was called after the handler of job ${this.id} had ended, so it is not declared; await everything before returning`,
        { details: { resource: { type: "job", name: this.id } } },
      );
    }
    this.#declarations ??= createDeclarations(this.#type, () => this.#line.stage(this.#delivery.leaseId));
    return this.#declarations;
  }
}

/** Whether a value is what `heir` gave. */
export function isDeferredResult(value: unknown): value is DeferredResult {
  return typeof value === "object" && value !== null && deferredKey in value;
}
