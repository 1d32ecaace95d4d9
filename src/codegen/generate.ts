import type { DescFile } from "@bufbuild/protobuf";
import type { GeneratedFile, Schema } from "@bufbuild/protoplugin";
import { type FileJob, type FileJobs, jobsOf } from "./file-jobs.ts";
import { literal } from "./literal.ts";

/** Writes `<file>_jobs` beside what protoc-gen-es writes, for each file that has job types: a stub each, and one object with all. */
export function generateStubs(schema: Schema): void {
  for (const file of schema.files) {
    const jobs = jobsOf(file, schema.typesInFile(file));
    if (jobs.jobs.length > 0) writeFile(schema.generateFile(`${file.name}_jobs.ts`), file, jobs);
  }
}

function writeFile(f: GeneratedFile, file: DescFile, { name, jobs }: FileJobs): void {
  f.preamble(file);
  for (const job of jobs) writeStub(f, job);
  f.print(f.jsDoc(`The job types of ${file.proto.name}, for a worker that handles all of them.`));
  f.print(f.export("const", name), ": {");
  for (const job of jobs) f.print("  readonly ", job.key, ": typeof ", job.name, ";");
  f.print("} = {");
  for (const job of jobs) f.print("  ", job.key, ": ", job.name, ",");
  f.print("};");
}

function writeStub(f: GeneratedFile, { name, message, result, options }: FileJob): void {
  const payload = f.importSchema(message);
  const given = result === undefined ? "undefined" : f.importSchema(result);
  const givenType = result === undefined ? "undefined" : ["typeof ", given];
  f.print(f.jsDoc(message));
  f.print(f.export("const", name), ": ", jobStub(f), "<typeof ", payload, ", ", givenType, "> = {");
  f.print('  kind: "job",');
  f.print("  name: ", f.string(message.typeName), ",");
  f.print("  payload: ", payload, ",");
  f.print("  result: ", given, ",");
  f.print("  options: ", literal(options), ",");
  f.print("};");
  f.print();
}

function jobStub(f: GeneratedFile) {
  return f.import("JobStub", "conveyor-jobs", true);
}
