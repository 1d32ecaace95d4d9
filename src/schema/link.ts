import { create, createFileRegistry, type FileRegistry } from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import { ConveyorError } from "../core/errors.ts";
import { decodeProblem } from "../wire/message-bytes.ts";
import { type SchemaFile, sameContent } from "./schema-file.ts";

export type SchemaFiles = ReadonlyMap<string, SchemaFile>;

/**
 * The known files with those of an image; a file that is there already is left as it is. FILE_PATH_CONFLICT when an image brings
 * another content for a known path: tools keep files by path, and would mix the two.
 */
export function mergeFiles(known: SchemaFiles, added: readonly SchemaFile[]): SchemaFiles {
  const files = new Map(known);
  for (const file of added) {
    const present = files.get(file.path);
    if (present === undefined) files.set(file.path, file);
    else if (!isVersionOf(file, present)) throw pathConflict(file, present);
  }
  return files;
}

/** The types of all files; SCHEMA_INCOMPATIBLE when an import is missing, imports go in a circle, or a type cannot be found. */
export function linkFiles(files: SchemaFiles): FileRegistry {
  const file = inOrder(files).map((each) => each.proto);
  try {
    return createFileRegistry(create(FileDescriptorSetSchema, { file }));
  } catch (error) {
    throw new ConveyorError("SCHEMA_INCOMPATIBLE", `the schema does not hold together: ${decodeProblem(error)}`, {
      cause: error,
    });
  }
}

/**
 * A file's own version always stays: images carry descriptor.proto and options.proto of the release that they were built with,
 * and a broker must start with an image that is older or newer than itself.
 */
function isVersionOf(file: SchemaFile, present: SchemaFile): boolean {
  return present.own ? file.proto.package === present.proto.package : sameContent(file.proto, present.proto);
}

function pathConflict(file: SchemaFile, present: SchemaFile): ConveyorError {
  const against = present.own ? "the broker's own file of that path" : "another file of that path, registered before";
  return new ConveyorError(
    "FILE_PATH_CONFLICT",
    `${file.path} differs from ${against}; give one of them another path, or build both from the same sources`,
  );
}

/** Imports before those who import them; without recursion, since an image may import in a chain of thousands. */
function inOrder(files: SchemaFiles): readonly SchemaFile[] {
  const ordered = new Set<SchemaFile>();
  const open = new Set<SchemaFile>();
  for (const start of files.values()) {
    const stack = [start];
    for (let file = stack.at(-1); file !== undefined; file = stack.at(-1)) {
      const imports = ordered.has(file) ? [] : importsOf(file, files).filter((each) => !ordered.has(each));
      if (imports.length === 0) {
        ordered.add(file);
        open.delete(file);
        stack.pop();
        continue;
      }
      open.add(file);
      const circle = imports.find((each) => open.has(each));
      if (circle) throw incompatible(`${file.path} imports ${circle.path}, which imports it in turn`);
      stack.push(...imports);
    }
  }
  return [...ordered];
}

function importsOf(file: SchemaFile, files: SchemaFiles): readonly SchemaFile[] {
  return file.proto.dependency.map((path) => {
    const found = files.get(path);
    if (found) return found;
    throw incompatible(
      `${file.path} imports ${path}, which is not in the image; build it with its imports ("buf build" does, protoc needs --include_imports)`,
    );
  });
}

function incompatible(text: string): ConveyorError {
  return new ConveyorError("SCHEMA_INCOMPATIBLE", text);
}
