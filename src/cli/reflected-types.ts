import {
  create,
  createFileRegistry,
  type DescMessage,
  fromBinary,
  type MessageInitShape,
  type Registry,
  toBinary,
} from "@bufbuild/protobuf";
import { type FileDescriptorProto, FileDescriptorProtoSchema } from "@bufbuild/protobuf/wkt";
import type * as grpc from "@grpc/grpc-js";
import {
  ServerReflection,
  ServerReflectionRequestSchema,
  type ServerReflectionResponse,
  ServerReflectionResponseSchema,
} from "../../gen/grpc/reflection/v1/reflection_pb.ts";
import { fromServiceError } from "../wire/error-status.ts";
import { methodPath, sameBytes, toBuffer } from "../wire/service-definition.ts";

/** A message type with everything that it is made of. */
interface ReflectedType {
  readonly message: DescMessage;
  readonly registry: Registry;
}

export interface ReflectedTypes {
  /** The type as the broker knows it; undefined where it does not. */
  readonly find: (typeName: string) => Promise<ReflectedType | undefined>;
}

/** Longest wait for an answer, in ms: types make an answer readable, they must not hold it up. */
const answerMsMax = 5_000;

/** Asks the broker's reflection service for types, each once. */
export function reflectedTypes(client: () => Promise<grpc.Client>): ReflectedTypes {
  const known = new Map<string, Promise<ReflectedType | undefined>>();
  return {
    find(typeName) {
      const found = known.get(typeName) ?? client().then((opened) => fetchType(opened, typeName));
      known.set(typeName, found);
      return found;
    },
  };
}

async function fetchType(client: grpc.Client, typeName: string): Promise<ReflectedType | undefined> {
  const files = new Map<string, FileDescriptorProto>();
  const first = await ask(client, { case: "fileContainingSymbol", value: typeName });
  const root = collect(first, files);
  if (root === undefined) return undefined;
  for (let missing = missingOf(files); missing !== undefined; missing = missingOf(files)) {
    if (collect(await ask(client, { case: "fileByFilename", value: missing }), files) === undefined) return undefined;
  }
  const registry = createFileRegistry(root, (name) => files.get(name));
  const message = registry.getMessage(typeName);
  return message === undefined ? undefined : { message, registry };
}

/** Adds the files of an answer and returns the first of them. */
function collect(
  answer: ServerReflectionResponse,
  files: Map<string, FileDescriptorProto>,
): FileDescriptorProto | undefined {
  if (answer.messageResponse.case !== "fileDescriptorResponse") return undefined;
  const decoded = answer.messageResponse.value.fileDescriptorProto.map((bytes) =>
    fromBinary(FileDescriptorProtoSchema, bytes),
  );
  for (const file of decoded) files.set(file.name, file);
  return decoded[0];
}

function missingOf(files: ReadonlyMap<string, FileDescriptorProto>): string | undefined {
  for (const file of files.values()) {
    const missing = file.dependency.find((name) => !files.has(name));
    if (missing !== undefined) return missing;
  }
  return undefined;
}

type Question = MessageInitShape<typeof ServerReflectionRequestSchema>["messageRequest"];

function ask(client: grpc.Client, messageRequest: Question): Promise<ServerReflectionResponse> {
  return new Promise((resolve, reject) => {
    const stream = client.makeBidiStreamRequest<Buffer, Buffer>(
      methodPath(ServerReflection.method.serverReflectionInfo),
      toBuffer,
      sameBytes,
      { deadline: new Date(Date.now() + answerMsMax) },
    );
    stream.on("error", (error) => reject(fromServiceError(error)));
    stream.on("data", (bytes: Buffer) => {
      resolve(fromBinary(ServerReflectionResponseSchema, bytes));
      stream.end();
    });
    const request = create(ServerReflectionRequestSchema, messageRequest === undefined ? {} : { messageRequest });
    stream.write(toBuffer(toBinary(ServerReflectionRequestSchema, request)));
  });
}
