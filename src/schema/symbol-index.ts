import type { DescExtension, DescMessage, DescService, FileRegistry } from "@bufbuild/protobuf";
import { ConveyorError } from "../core/errors.ts";
import type { SchemaFiles } from "./link.ts";
import type { SchemaFile } from "./schema-file.ts";

/** Where every symbol and extension is defined. */
export interface SymbolIndex {
  /** The file that defines this message, field, oneof, enum, enum value, extension, service or method. */
  fileOf(symbol: string): SchemaFile | undefined;
  /** Numbers of the known extensions of a message, each with its file; undefined: no such message. */
  extensionsOf(message: string): ReadonlyMap<number, SchemaFile> | undefined;
  /** A file with everything it imports, the file first. */
  withImports(path: string): readonly SchemaFile[];
}

/** Indexes linked files; SCHEMA_INCOMPATIBLE when two of them define the same symbol. */
export function indexSymbols(files: SchemaFiles, linked: FileRegistry): SymbolIndex {
  const symbols = new Map<string, SchemaFile>();
  const extensions = new Map<string, Map<number, SchemaFile>>();

  for (const descriptor of linked.files) {
    const file = files.get(descriptor.proto.name);
    if (file === undefined) continue;
    for (const symbol of symbolsIn(descriptor)) define(symbols, symbol, file);
    for (const extension of extensionsIn(descriptor)) {
      const known = extensions.get(extension.extendee.typeName) ?? new Map<number, SchemaFile>();
      extensions.set(extension.extendee.typeName, known.set(extension.number, file));
    }
  }
  return {
    fileOf: (symbol) => symbols.get(symbol),
    extensionsOf: (message) => extensions.get(message) ?? (linked.getMessage(message) ? new Map() : undefined),
    withImports: (path) => withImports(files, path),
  };
}

type Scope = {
  readonly messages?: readonly DescMessage[];
  readonly nestedMessages?: readonly DescMessage[];
  readonly enums?: DescMessage["nestedEnums"];
  readonly nestedEnums?: DescMessage["nestedEnums"];
  readonly extensions?: readonly DescExtension[];
  readonly nestedExtensions?: readonly DescExtension[];
  readonly services?: readonly DescService[];
};

function* symbolsIn(scope: Scope): Generator<string> {
  for (const message of scope.messages ?? scope.nestedMessages ?? []) {
    yield message.typeName;
    for (const field of message.fields) yield `${message.typeName}.${field.name}`;
    for (const oneof of message.oneofs) yield `${message.typeName}.${oneof.name}`;
    yield* symbolsIn(message);
  }
  for (const type of scope.enums ?? scope.nestedEnums ?? []) {
    yield type.typeName;
    // The values of an enum are its siblings, as in C++.
    const outer = type.typeName.slice(0, type.typeName.lastIndexOf(".") + 1);
    for (const value of type.values) yield outer + value.name;
  }
  for (const extension of scope.extensions ?? scope.nestedExtensions ?? []) yield extension.typeName;
  for (const service of scope.services ?? []) {
    yield service.typeName;
    for (const method of service.methods) yield `${service.typeName}.${method.name}`;
  }
}

function* extensionsIn(scope: Scope): Generator<DescExtension> {
  yield* scope.extensions ?? scope.nestedExtensions ?? [];
  for (const message of scope.messages ?? scope.nestedMessages ?? []) yield* extensionsIn(message);
}

function define(symbols: Map<string, SchemaFile>, symbol: string, file: SchemaFile): void {
  const present = symbols.get(symbol);
  if (present !== undefined && present !== file) {
    throw new ConveyorError(
      "SCHEMA_INCOMPATIBLE",
      `${symbol} is defined in ${present.path} and in ${file.path}; is it one file built from two folders?`,
    );
  }
  symbols.set(symbol, file);
}

function withImports(files: SchemaFiles, path: string): readonly SchemaFile[] {
  const reached = new Set<SchemaFile>();
  const start = files.get(path);
  if (start) reached.add(start);
  for (const file of reached) {
    for (const each of file.proto.dependency) {
      const dependency = files.get(each);
      if (dependency) reached.add(dependency);
    }
  }
  return [...reached];
}
