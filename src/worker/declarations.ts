import type { DescMessage } from "@bufbuild/protobuf";
import type { Declaration } from "../../gen/conveyor/v1/job_pb.ts";
import { ConveyorError } from "../core/errors.ts";
import type { FailurePolicy, Trigger } from "../core/job.ts";
import { limits } from "../core/limits.ts";
import { parsePrintable } from "../core/names.ts";
import { policyToWire, roleToWire, triggerToWire } from "../wire/enums.ts";
import { type JobSettings, jobSpecBytes, jobSpecOf } from "../wire/job-spec.ts";
import type { JobType } from "../wire/job-type.ts";
import { wordToWire } from "../wire/word-to-wire.ts";

/** What a handler may say of a child beside its payload. */
export interface ChildOptions extends JobSettings {
  /** Unique among the children and heirs of this job, up to 128 printable ASCII characters. */
  readonly key?: string | undefined;
  /** What its bad end means for this job; FAIL when left out. */
  readonly policy?: FailurePolicy | undefined;
}

/** What a handler may say of an heir beside its payload. */
export interface HeirOptions<AsResult extends boolean = boolean> extends JobSettings {
  readonly key?: string | undefined;
  readonly policy?: Exclude<FailurePolicy, "FAIL_FAST"> | undefined;
  /** When it runs, once all children are terminal; SUCCEEDED when left out. */
  readonly trigger?: Trigger | undefined;
  /** Its result becomes this job's result; at most one heir, of the same result type. */
  readonly asResult?: AsResult | undefined;
}

interface EitherOptions extends ChildOptions {
  readonly trigger?: Trigger | undefined;
  readonly asResult?: boolean | undefined;
}

/** What one attempt declares, in order. */
export interface Declarations {
  readonly list: readonly Declaration[];
  /** An heir was declared whose result becomes the job's. */
  readonly hasResultHeir: boolean;
  child(type: JobType, payload: unknown, options: ChildOptions): void;
  heir(type: JobType, payload: unknown, options: HeirOptions): void;
}

/** Takes the declarations of one attempt of a job of type `parent`; what can be known to be refused is refused here, where the stack shows why. */
export function createDeclarations(parent: JobType): Declarations {
  const list: Declaration[] = [];
  const keys = new Set<string>();
  let bytes = 0;
  let heirs = 0;
  let hasResultHeir = false;

  function add(role: "CHILD" | "HEIR", type: JobType, payload: unknown, options: EitherOptions): void {
    const { key = "", policy = "FAIL", trigger = "SUCCEEDED", asResult = false } = options;
    if (list.length >= limits.declarationsMax) throw tooMany(role);
    if (key !== "") claimKey(parsePrintable(key, "key", "a key"));
    const job = jobSpecOf(type, payload, options);
    bytes += jobSpecBytes(job);
    if (bytes > limits.declarationBytesMax) throw tooLarge();
    list.push({
      $typeName: "conveyor.v1.Declaration",
      role: roleToWire[role],
      key,
      policy: wordToWire(policyToWire, policy, "policy"),
      trigger: role === "HEIR" ? wordToWire(triggerToWire, trigger, "trigger") : 0,
      asResult,
      job,
    });
  }

  function claimKey(key: string): void {
    if (keys.has(key)) {
      throw new ConveyorError("DUPLICATE_KEY", `the key "${key}" was declared before by this attempt; keys are unique`);
    }
    keys.add(key);
  }

  return {
    list,
    get hasResultHeir() {
      return hasResultHeir;
    },
    child(type, payload, options) {
      add("CHILD", type, payload, options);
    },
    heir(type, payload, options) {
      if (heirs >= limits.heirsMax) {
        throw new ConveyorError("TOO_MANY_HEIRS", `one job has at most ${limits.heirsMax} heirs`);
      }
      if (String(options.policy) === "FAIL_FAST") {
        throw new ConveyorError("TREE_INVALID", "FAIL_FAST is for children: an heir has no open siblings to cancel");
      }
      if (options.asResult) checkResultHeir(type);
      add("HEIR", type, payload, options);
      heirs += 1;
      hasResultHeir ||= options.asResult ?? false;
    },
  };

  function checkResultHeir(type: JobType): void {
    if (hasResultHeir) throw new ConveyorError("TREE_INVALID", "at most one heir is asResult; there is one already");
    if (parent.result?.typeName === type.result?.typeName) return;
    throw new ConveyorError(
      "RESULT_TYPE_MISMATCH",
      `an asResult heir of ${parent.name} gives ${nameOf(parent.result)}, but ${type.name} gives ${nameOf(type.result)}`,
    );
  }
}

function nameOf(result: DescMessage | undefined): string {
  return result?.typeName ?? "no result";
}

function tooMany(role: "CHILD" | "HEIR"): ConveyorError {
  return new ConveyorError(
    role === "CHILD" ? "TOO_MANY_CHILDREN" : "TOO_MANY_HEIRS",
    `one attempt declares at most ${limits.declarationsMax} jobs; declare jobs that declare the rest`,
  );
}

function tooLarge(): ConveyorError {
  return new ConveyorError(
    "PAYLOAD_TOO_LARGE",
    `what one attempt declares takes at most ${limits.declarationBytesMax} bytes in all; ` +
      "keep large data elsewhere and declare where it is, or declare jobs that declare the rest",
  );
}
