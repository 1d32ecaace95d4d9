/** A file that a project needs, so that buf finds its messages and makes TypeScript and stubs of them. */
export interface BufFile {
  readonly name: string;
  readonly text: string;
}

const modules = `version: v2
modules:
  - path: proto
  - path: node_modules/conveyor-jobs/proto
`;

const generators = `version: v2
plugins:
  - local: protoc-gen-es
    out: gen
    opt: [target=ts, import_extension=ts, erasable_syntax=true]
    include_imports: true
  - local: protoc-gen-conveyor
    out: gen
    opt: [target=ts, import_extension=ts]
`;

/** For .proto files in `proto/` and code in `gen/`. */
export const bufFiles: readonly BufFile[] = [
  { name: "buf.yaml", text: modules },
  { name: "buf.gen.yaml", text: generators },
];
