import type { ServerReflectionRequest, ServerReflectionResponse } from "../../gen/grpc/reflection/v1/reflection_pb.ts";
import type { SchemaRegistry } from "./registry.ts";
import type { SchemaFile } from "./schema-file.ts";

type Answer = ServerReflectionResponse["messageResponse"];

/** Numbers of gRPC's NOT_FOUND and INVALID_ARGUMENT. */
const notFoundCode = 5;
const invalidArgumentCode = 3;
/** Clients take 4 MiB; they ask by path for imports that were left out. */
const filesBytesMax = 3 * 1024 * 1024;

/** The answer to one reflection request from what the registry holds now. `services` are the full names that the server serves. */
export function answerReflection(
  request: ServerReflectionRequest,
  registry: SchemaRegistry,
  services: readonly string[],
): ServerReflectionResponse {
  return {
    $typeName: "grpc.reflection.v1.ServerReflectionResponse",
    validHost: request.host,
    originalRequest: request,
    messageResponse: answerOf(request.messageRequest, registry, services),
  };
}

function answerOf(
  request: ServerReflectionRequest["messageRequest"],
  registry: SchemaRegistry,
  services: readonly string[],
): Answer {
  const symbols = registry.symbols();
  switch (request.case) {
    case "listServices":
      return {
        case: "listServicesResponse",
        value: {
          $typeName: "grpc.reflection.v1.ListServiceResponse",
          service: services.map((name) => ({ $typeName: "grpc.reflection.v1.ServiceResponse", name })),
        },
      };
    case "fileByFilename":
      return filesOf(registry, registry.file(request.value), `file ${shown(request.value)}`);
    case "fileContainingSymbol":
      return filesOf(registry, symbols.fileOf(request.value), `symbol ${shown(request.value)}`);
    case "fileContainingExtension": {
      const { containingType, extensionNumber } = request.value;
      const file = symbols.extensionsOf(containingType)?.get(extensionNumber);
      return filesOf(registry, file, `extension ${extensionNumber} of ${shown(containingType)}`);
    }
    case "allExtensionNumbersOfType": {
      const extensions = symbols.extensionsOf(request.value);
      if (extensions === undefined) return problem(notFoundCode, `message ${shown(request.value)} not found`);
      return {
        case: "allExtensionNumbersResponse",
        value: {
          $typeName: "grpc.reflection.v1.ExtensionNumberResponse",
          baseTypeName: request.value,
          extensionNumber: [...extensions.keys()].sort((a, b) => a - b),
        },
      };
    }
    case undefined:
      return problem(invalidArgumentCode, "the request asks for nothing that this server knows");
    default:
      return request satisfies never;
  }
}

/** The file that was asked for first, then its imports as far as there is room. */
function filesOf(registry: SchemaRegistry, file: SchemaFile | undefined, what: string): Answer {
  if (file === undefined) return problem(notFoundCode, `${what} not found`);
  const [first, ...imports] = registry.symbols().withImports(file.path);
  const sent = first ? [first.bytes] : [];
  let room = filesBytesMax - file.bytes.byteLength;
  for (const { bytes } of imports) {
    room -= bytes.byteLength;
    if (room >= 0) sent.push(bytes);
  }
  return {
    case: "fileDescriptorResponse",
    value: { $typeName: "grpc.reflection.v1.FileDescriptorResponse", fileDescriptorProto: sent },
  };
}

function problem(errorCode: number, errorMessage: string): Answer {
  return { case: "errorResponse", value: { $typeName: "grpc.reflection.v1.ErrorResponse", errorCode, errorMessage } };
}

function shown(name: string): string {
  return name.length > 200 ? `${name.slice(0, 200)}…` : name;
}
