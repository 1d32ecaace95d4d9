import type { AnyDesc, DescFile, DescMessage } from "@bufbuild/protobuf";
import { groupType } from "../core/names.ts";
import { jobOptionsOf, resultSchemaOf, typeOptionsFromWire } from "../wire/job-options.ts";
import type { JobStubOptions } from "../wire/job-stub.ts";

/** The job types of a file under the names that its generated code gives them. */
export interface FileJobs {
  /** Of the object that holds all of them. */
  readonly name: string;
  readonly jobs: readonly FileJob[];
}

export interface FileJob {
  /** Of the stub. */
  readonly name: string;
  /** In the object of all of them. */
  readonly key: string;
  readonly message: DescMessage;
  readonly result: DescMessage | undefined;
  readonly options: JobStubOptions;
}

/**
 * The job types among `types`, which are those of `file`. Throws, with the file and the message in its text, for a result that is
 * neither in the file nor in what it imports, for options out of range, and for two job types that would have one name.
 */
export function jobsOf(file: DescFile, types: Iterable<AnyDesc>): FileJobs {
  const jobs = new Map<string, FileJob>();
  for (const type of types) {
    // A Group is made by group(), and no worker runs it.
    if (type.kind !== "message" || type.typeName === groupType) continue;
    const job = jobOf(file, type);
    if (job === undefined) continue;
    const other = jobs.get(job.key);
    if (other !== undefined) throw collision(file, other, job);
    jobs.set(job.key, job);
  }
  return { name: `${objectName(file)}Jobs`, jobs: [...jobs.values()] };
}

function jobOf(file: DescFile, message: DescMessage): FileJob | undefined {
  try {
    const options = jobOptionsOf(message);
    if (options === undefined) return undefined;
    const name = localName(file, message);
    return {
      name: `${name}Job`,
      key: lowerFirst(name),
      message,
      result: resultSchemaOf(message),
      options: withoutUnset(typeOptionsFromWire(options, message.typeName)),
    };
  } catch (error) {
    throw new Error(`${file.proto.name}: ${error instanceof Error ? error.message : String(error)}`, { cause: error });
  }
}

/** The message's name below its package, as protoc-gen-es writes that of a nested one: `Outer_Inner`. */
function localName(file: DescFile, message: DescMessage): string {
  const prefix = file.proto.package === "" ? 0 : file.proto.package.length + 1;
  return message.typeName.slice(prefix).replaceAll(".", "_");
}

/** `album_jobs-v2` of `photos/v1/album_jobs-v2.proto` as an identifier: `albumJobsV2`. */
function objectName(file: DescFile): string {
  const base = file.name.slice(file.name.lastIndexOf("/") + 1);
  const words = base.split(/[^A-Za-z0-9]+/).filter((word) => word !== "");
  const name = lowerFirst(words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join(""));
  return /^[A-Za-z]/.test(name) ? name : `_${name}`;
}

function withoutUnset(options: ReturnType<typeof typeOptionsFromWire>): JobStubOptions {
  const { result: _, ...asked } = options;
  return Object.fromEntries(Object.entries(asked).filter(([, value]) => value !== undefined));
}

function collision(file: DescFile, { message: first }: FileJob, { message: second, key }: FileJob): Error {
  const both = `${first.typeName} and ${second.typeName}`;
  return new Error(`${file.proto.name}: the job types ${both} would both be called ${key}; rename one of them`);
}

function lowerFirst(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1);
}
