/** Folders of .proto files by others, kept as they came: neither linted nor formatted. buf.yaml names them too. */
export const vendoredProtos: readonly string[] = ["proto/google", "proto/grpc"];
