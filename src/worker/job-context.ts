import type { DescMessage, Message, MessageInitShape } from "@bufbuild/protobuf";
import type { Delivery } from "../../gen/conveyor/v1/worker_service_pb.ts";
import { ConveyorError } from "../core/errors.ts";
import type { JobRole } from "../core/job.ts";
import type { Span } from "../core/span.ts";
import { roleFromWire } from "../wire/enums.ts";
import type { JobType, TypeLookup } from "../wire/job-type.ts";
import { durationToMs, timestampToMs } from "../wire/time.ts";
import type { ChildOutcome, ChildReader, ResultOption } from "./child-reader.ts";
import * as control from "./control.ts";
import { type ChildOptions, createDeclarations, type Declarations, type HeirOptions } from "./declarations.ts";

const deferredKey: unique symbol = Symbol("conveyor.deferred");

/** Stands for the result of an `asResult` heir; a handler may return it as its own. */
export interface DeferredResult {
  readonly [deferredKey]: true;
}

/** What a handler knows of its job, and what it can do about it. */
export interface JobContext {
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
  child<Schema extends DescMessage>(schema: Schema, init: MessageInitShape<Schema>, options?: ChildOptions): void;
  /** Declares a job that runs once all children are terminal, see `trigger`. What it gives may be returned with `asResult`. */
  heir<Schema extends DescMessage>(
    schema: Schema,
    init: MessageInitShape<Schema>,
    options?: HeirOptions,
  ): DeferredResult;
  /**
   * In an heir: the results of the completed children of this type, in declaration order. `results<Thumbnail>(Schema)` or
   * `{ result: ThumbnailSchema }` says of which TypeScript type they are.
   */
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

/** The context of one attempt: open -> finished, when the handler has returned or is no longer waited for. */
export class AttemptContext implements JobContext {
  readonly #delivery: Delivery;
  readonly #type: JobType;
  readonly #typeOf: TypeLookup;
  readonly #reader: ChildReader;
  #controller: AbortController | undefined;
  #aborted: ConveyorError | undefined;
  #declarations: Declarations | undefined;
  #finished = false;

  constructor(options: {
    readonly delivery: Delivery;
    readonly type: JobType;
    readonly typeOf: TypeLookup;
    readonly reader: ChildReader;
  }) {
    this.#delivery = options.delivery;
    this.#type = options.type;
    this.#typeOf = options.typeOf;
    this.#reader = options.reader;
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

  child<Schema extends DescMessage>(schema: Schema, init: MessageInitShape<Schema>, options: ChildOptions = {}): void {
    this.#open("child").child(this.#typeOf(schema), init, options);
  }

  heir<Schema extends DescMessage>(
    schema: Schema,
    init: MessageInitShape<Schema>,
    options: HeirOptions = {},
  ): DeferredResult {
    this.#open("heir").heir(this.#typeOf(schema), init, options);
    return { [deferredKey]: true };
  }

  results<Result extends Message = Message>(
    schema: DescMessage,
    options: ResultOption<Result> = {},
  ): Promise<Result[]> {
    return this.#reader.results(this.#call, schema, options);
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
    this.#declarations ??= createDeclarations(this.#type);
    return this.#declarations;
  }
}

/** Whether a value is what `heir` gave. */
export function isDeferredResult(value: unknown): value is DeferredResult {
  return typeof value === "object" && value !== null && deferredKey in value;
}
