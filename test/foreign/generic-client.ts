import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";

/** A gRPC client that knows nothing of Conveyor but the server's address. */
export interface GenericClient {
  readonly name: string;
  /** Names of the server's services. */
  services(): Promise<string>;
  /** Calls a unary or streaming method with one JSON request; answers the JSON text of what came back. Throws with stderr. */
  call(method: string, request: unknown): Promise<string>;
  /** The definition of a message, as the client prints it. */
  describe(symbol: string): Promise<string>;
}

const root = fileURLToPath(new URL("../../", import.meta.url));

/** `buf curl`, which comes with the development dependencies; run in `folder`, which holds nothing. */
export function bufCurl(address: string, folder: string): GenericClient {
  const buf = join(root, "node_modules/.bin/buf");
  const base = ["curl", "--protocol", "grpc", "--http2-prior-knowledge"];
  const url = `http://${address}`;
  const call = (method: string, request: unknown) =>
    run(buf, [...base, "-d", JSON.stringify(request), `${url}/${method}`], folder);
  return {
    name: "buf curl",
    services: () => run(buf, [...base, "--list-services", url], folder),
    call,
    describe: async (symbol) => {
      const method = "grpc.reflection.v1.ServerReflection/ServerReflectionInfo";
      const answer: unknown = JSON.parse(await call(method, { fileContainingSymbol: symbol }));
      const files = JSON.stringify(answer).match(/"fileDescriptorProto":\["([^"]+)"/);
      return Buffer.from(files?.[1] ?? "", "base64").toString("latin1");
    },
  };
}

/** Real grpcurl, where the machine has one. */
export function grpcurl(address: string, folder: string): GenericClient | undefined {
  const binary = findGrpcurl();
  if (binary === undefined) return undefined;
  return {
    name: "grpcurl",
    services: () => run(binary, ["-plaintext", address, "list"], folder),
    call: (method, request) =>
      run(binary, ["-plaintext", "-emit-defaults", "-d", JSON.stringify(request), address, method], folder),
    describe: (symbol) => run(binary, ["-plaintext", address, "describe", symbol], folder),
  };
}

function findGrpcurl(): string | undefined {
  const named = process.env.CONVEYOR_TEST_GRPCURL;
  if (named !== undefined && named !== "") return named;
  const home = process.env.HOME ?? "";
  const folders = [...(process.env.PATH ?? "").split(delimiter), join(process.env.GOPATH ?? join(home, "go"), "bin")];
  return folders.map((folder) => join(folder, "grpcurl")).find((path) => existsSync(path));
}

function run(binary: string, args: readonly string[], cwd: string): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(binary, [...args], { cwd, timeout: 30_000, maxBuffer: 16 * 1024 * 1024 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout);
      else reject(new Error(`${binary} ${args.join(" ")}: ${stderr || stdout || error.message}`));
    });
  });
}
