import type { JobSpec } from "../../gen/conveyor/v1/job_pb.ts";
import { groupType, type TypeName } from "../core/names.ts";
import { invalidField } from "./invalid-field.ts";
import type { TypeOptions } from "./job-options.ts";
import { type SpecContext, typeOptionsOf } from "./spec-to-job.ts";

/** A job's type, with its options as far as they are known. */
export interface ParentType {
  readonly type: TypeName;
  readonly options: TypeOptions | undefined;
}

/** RESULT_TYPE_MISMATCH when an as_result heir does not have the result of its parent's type; passes where either is not known, and below a Group. */
export function checkInheritedResult(
  parent: ParentType,
  heir: { type: TypeName; spec: JobSpec },
  context: SpecContext,
): void {
  if (parent.type === groupType || parent.options === undefined) return;
  const options = typeOptionsOf(heir.spec, heir.type, context);
  if (options === undefined || options.result === parent.options.result) return;
  const problem = `${heir.type} has ${named(options)}, its parent's type ${parent.type} has ${named(parent.options)}: the heir's result cannot become the parent's`;
  throw invalidField("RESULT_TYPE_MISMATCH", `${context.path}.as_result`, problem);
}

function named({ result }: TypeOptions): string {
  return result === undefined ? "no result" : `the result ${result}`;
}
