import { createServer } from "node:net";
import { fileURLToPath } from "node:url";
import { Health, HealthCheckResponse_ServingStatus } from "../../../gen/grpc/health/v1/health_pb.ts";
import { createCaller } from "./caller.ts";
import { type Spawned, spawnScript } from "./spawned.ts";

const cli = fileURLToPath(new URL("../../../src/cli/main.ts", import.meta.url));
const startMsMax = 30_000;

export interface BrokerOptions {
  /** Such as `sqlite:/tmp/x/jobs.db`. */
  readonly store: string;
  /** Such as `127.0.0.1:2668`. */
  readonly address: string;
  readonly logFile: string;
  readonly nodeArgs?: readonly string[];
  readonly args?: readonly string[];
}

/** Starts `conveyor serve` as a user would, and resolves when its health service says SERVING. */
export async function startBroker({
  store,
  address,
  logFile,
  nodeArgs = [],
  args = [],
}: BrokerOptions): Promise<Spawned> {
  const broker = spawnScript(cli, ["serve", "--store", store, "--listen", address, ...args], {
    name: "broker",
    logFile,
    nodeArgs,
  });
  const caller = createCaller(address);
  try {
    const serving = caller.callPatiently(Health.method.check, { service: "" }, startMsMax);
    const answer = await Promise.race([serving, broker.ended]);
    if (typeof answer === "string") {
      serving.catch(() => undefined);
      throw new Error(`the broker ended with ${answer} before it served; see ${logFile}`);
    }
    if (answer.status !== HealthCheckResponse_ServingStatus.SERVING)
      throw new Error("the broker is up and not serving");
    return broker;
  } catch (error) {
    broker.kill("SIGKILL");
    throw error;
  } finally {
    caller.close();
  }
}

/** A port of 127.0.0.1 that was free a moment ago: for a broker that must come back at the same address. */
export async function freeAddress(): Promise<string> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  if (address === null || typeof address === "string") throw new Error("a TCP server has a port");
  return `127.0.0.1:${address.port}`;
}
