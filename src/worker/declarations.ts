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
import { createSpill, type Spill } from "./spill.ts";
import type { StageLine } from "./staging.ts";

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
  /** What goes with the result: once children are staged, the heirs. */
  readonly list: readonly Declaration[];
  /** An heir was declared whose result becomes the job's. */
  readonly hasResultHeir: boolean;
  child(type: JobType, payload: unknown, options: ChildOptions): void;
  heir(type: JobType, payload: unknown, options: HeirOptions): void;
  /** Children that were staged, once all of them are acknowledged; 0 when all goes with the result. Throws why they were refused. */
  staged(): Promise<number>;
  /** The attempt is over. */
  close(): void;
}

/** Children that wait for their acknowledgement in the worker, in bytes; whoever declares faster waits in between. */
const stagedBytesMax = 64 * 1024 * 1024;

/**
 * Takes the declarations of one attempt of a job of type `parent`; what can be known to be refused is refused here, where the stack
 * shows why. What is more than one result may hold goes to `openStage` while the handler runs.
 */
export function createDeclarations(parent: JobType, openStage: () => StageLine): Declarations {
  let list: Declaration[] = [];
  let spill: Spill | undefined;
  const keys = new Set<string>();
  let bytes = 0;
  let heirBytes = 0;
  let children = 0;
  let heirs = 0;
  let hasResultHeir = false;

  function add(role: "CHILD" | "HEIR", type: JobType, payload: unknown, options: EitherOptions): void {
    const { key = "", policy = "FAIL", trigger = "SUCCEEDED", asResult = false } = options;
    if (key !== "") claimKey(parsePrintable(key, "key", "a key"));
    const job = jobSpecOf(type, payload, options);
    const jobBytes = jobSpecBytes(job);
    if (role === "HEIR") heirBytes += jobBytes;
    if (heirBytes > limits.declarationBytesMax) throw heirsTooLarge();
    place({
      $typeName: "conveyor.v1.Declaration",
      role: roleToWire[role],
      key,
      policy: wordToWire(policyToWire, policy, "policy"),
      trigger: role === "HEIR" ? wordToWire(triggerToWire, trigger, "trigger") : 0,
      asResult,
      job,
    });
    bytes += jobBytes;
    if (spill === undefined && (list.length > limits.declarationsMax || bytes > limits.declarationBytesMax)) stage();
  }

  function place(declaration: Declaration): void {
    if (spill !== undefined && declaration.role === roleToWire.CHILD) spill.add(declaration);
    else list.push(declaration);
  }

  /** From here on all children are staged, and only heirs go with the result. */
  function stage(): void {
    spill = createSpill(openStage());
    const declared = list;
    list = [];
    for (const each of declared) place(each);
  }

  function claimKey(key: string): void {
    if (keys.has(key)) {
      throw new ConveyorError("DUPLICATE_KEY", `the key "${key}" was declared before by this attempt; keys are unique`);
    }
    keys.add(key);
  }

  return {
    get list() {
      return list;
    },
    get hasResultHeir() {
      return hasResultHeir;
    },
    child(type, payload, options) {
      if (children >= limits.childrenMax) throw tooManyChildren();
      spill?.check(stagedBytesMax);
      add("CHILD", type, payload, options);
      children += 1;
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
    async staged() {
      await spill?.emptied();
      return spill === undefined ? 0 : children;
    },
    close: () => spill?.close(),
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

function tooManyChildren(): ConveyorError {
  return new ConveyorError(
    "TOO_MANY_CHILDREN",
    `one job has at most ${limits.childrenMax} children; declare jobs that declare the rest`,
  );
}

function heirsTooLarge(): ConveyorError {
  return new ConveyorError(
    "PAYLOAD_TOO_LARGE",
    `the heirs of one job take at most ${limits.declarationBytesMax} bytes in all; keep large data elsewhere and declare where it is`,
  );
}
