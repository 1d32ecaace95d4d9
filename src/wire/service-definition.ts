import type { DescService } from "@bufbuild/protobuf";
import type * as grpc from "@grpc/grpc-js";

/**
 * The grpc-js definition of a service, its methods under their local names. Messages pass as raw bytes: grpc-js would answer a
 * message that does not decode by itself, before any handler. `typeName` serves the same methods under another name.
 */
export function serviceDefinition(service: DescService, typeName: string = service.typeName): grpc.ServiceDefinition {
  const definition: Record<string, grpc.MethodDefinition<Uint8Array, Uint8Array>> = {};
  for (const method of service.methods) {
    definition[method.localName] = {
      path: `/${typeName}/${method.name}`,
      requestStream: method.methodKind === "client_streaming" || method.methodKind === "bidi_streaming",
      responseStream: method.methodKind === "server_streaming" || method.methodKind === "bidi_streaming",
      requestSerialize: toBuffer,
      requestDeserialize: sameBytes,
      responseSerialize: toBuffer,
      responseDeserialize: sameBytes,
      originalName: method.localName,
    };
  }
  return definition;
}

/** The path of a method on the wire. */
export function methodPath(method: { readonly parent: { readonly typeName: string }; readonly name: string }): string {
  return `/${method.parent.typeName}/${method.name}`;
}

/** The same bytes as a Buffer, not copied. */
export function toBuffer(bytes: Uint8Array): Buffer {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** grpc-js asks for a deserialiser; ours passes the bytes on. */
export function sameBytes(bytes: Buffer): Buffer {
  return bytes;
}
