import type { Metadata, ServerDuplexStream, ServerUnaryCall } from "@grpc/grpc-js";

/** Where a call comes from, as far as the transport knows. */
export interface CallOrigin {
  readonly metadata: Metadata;
  /** Address of the caller. */
  readonly peer: string;
  /** The common name of the caller's certificate; undefined: it showed none that an authority of ours has signed. */
  certificateName(): string | undefined;
}

export function originOf(call: ServerUnaryCall<Buffer, Buffer> | ServerDuplexStream<Buffer, Buffer>): CallOrigin {
  return {
    metadata: call.metadata,
    peer: call.getPeer(),
    certificateName() {
      // A certificate may hold several names, and its type says so nowhere.
      const name: unknown = call.getAuthContext().sslPeerCertificate?.subject.CN;
      return typeof name === "string" ? name : undefined;
    },
  };
}
