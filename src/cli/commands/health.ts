import { Health, HealthCheckResponse_ServingStatus as Serving } from "../../../gen/grpc/health/v1/health_pb.ts";
import { ConveyorError } from "../../core/errors.ts";
import type { Command, CommandContext } from "../command.ts";
import { askOptions } from "../deadline.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { printJson } from "../print.ts";

export const health: Command = {
  name: "health",
  summary: "Ask whether the broker serves, for probes: no token is needed",
  positionals: [],
  flags: {},
  examples: ["conveyor health --timeout 3s"],
  run,
};

async function run(context: CommandContext): Promise<ExitCode> {
  const { broker, terminal } = context;
  const { status } = await broker.call(Health.method.check, {}, askOptions(context));
  if (status !== Serving.SERVING) {
    throw new ConveyorError(
      "STORE_UNAVAILABLE",
      `the broker at ${broker.address} does not serve now: it stops, or cannot reach its store`,
    );
  }
  if (terminal.format === "table") terminal.data("serving");
  else printJson({ status: "SERVING" }, terminal);
  return exitCodes.ok;
}
