import type { DescMessage, MessageInitShape, MessageShape } from "@bufbuild/protobuf";
import type { AnyJobType, JobStub, JobStubs, PayloadOf, ResultSchemaOf } from "../wire/job-stub.ts";
import type { HandlerOutcome } from "./control.ts";
import type { DeferredResult, JobContext } from "./job-context.ts";

/**
 * Runs one attempt of a job. It may run more than once for a job: make it idempotent on `context.id`. The compiler holds what it
 * returns to a stub's result; a schema does not tell one.
 */
export type Handler<Job extends AnyJobType, Given = Returned<Job>> = (
  payload: PayloadOf<Job>,
  context: JobContext<ResultSchemaOf<Job>>,
) => Given | Promise<Given>;

/** A handler of a plain schema, held to the result's schema that `handle` is given beside it. */
export type ResultHandler<Payload extends DescMessage, Result extends DescMessage> = Handler<
  Payload,
  Returned<Payload, Result>
>;

/** A handler for each job type of a file, by its name there. */
export type Handlers<Jobs extends JobStubs> = { readonly [Name in keyof Jobs]: Handler<Jobs[Name]> };

/**
 * What a handler may return: its result, the promise of an `asResult` heir's, or one of `context.snooze()`, `discard()`,
 * `retryAfter()`, `cancel()`. `Result` is the schema that `handle` was given beside that of the payload.
 */
export type Returned<Job extends AnyJobType, Result extends DescMessage | undefined = undefined> =
  Job extends JobStub<DescMessage, infer Declared>
    ? OwnResult<Declared> | DeferredResult<Declared> | HandlerOutcome
    : Result extends DescMessage
      ? OwnResult<Result> | DeferredResult | HandlerOutcome
      : unknown;

type OwnResult<Result extends DescMessage | undefined> = Result extends DescMessage
  ? MessageShape<Result> | MessageInitShape<Result>
  : // biome-ignore lint/suspicious/noConfusingVoidType: what a function without a return statement gives
    undefined | void;

/** Does not compile where what a handler gives has a field that its result has not: of what functions return the compiler lets it pass. */
export type NoStrangeField<Given, Result extends DescMessage | undefined> = [StrangeField<Given, Result>] extends [
  never,
]
  ? unknown
  : { readonly "no such field in the result": StrangeField<Given, Result> };

/** The same for the handlers of a file. */
export type NoStrangeFields<Jobs extends JobStubs, Given extends Handlers<Jobs>> = {
  readonly [Name in keyof Jobs]: NoStrangeField<Awaited<ReturnType<Given[Name]>>, ResultSchemaOf<Jobs[Name]>>;
};

type StrangeField<Given, Result extends DescMessage | undefined> = Result extends DescMessage
  ? Given extends { readonly $typeName: string } | DeferredResult | HandlerOutcome
    ? never
    : string extends MessageShape<Result>["$typeName"]
      ? never // any message: its fields are not known
      : Exclude<keyof Given, keyof MessageShape<Result>>
  : never;
