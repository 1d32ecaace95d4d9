import { toJson } from "@bufbuild/protobuf";
import { GetChainResponseSchema } from "../../../gen/conveyor/v1/job_service_pb.ts";
import { limits } from "../../core/limits.ts";
import { parseInteger } from "../arguments.ts";
import type { Command, CommandContext } from "../command.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { fetchChain } from "../fetch-chain.ts";
import { printJson } from "../print.ts";
import { chainNodesMax, chainText, watchChain } from "../watch-chain.ts";

export const chainShow: Command = {
  name: "chain show",
  summary: "Draw a chain as a tree: children, and the heirs that join them",
  positionals: ["id"],
  flags: {
    watch: { help: "draw it again as it changes, until it is terminal; off a screen, print a line for each change" },
    depth: { value: "N", help: "not deeper below the job than this" },
  },
  examples: ["conveyor chain show 0199c0de-7b1a-7000-8000-000000000001 --watch"],
  run,
};

async function run(context: CommandContext): Promise<ExitCode> {
  const { args, terminal } = context;
  const [id = ""] = args.positionals;
  const depthMax = parseInteger(args.value("depth"), { flag: "--depth", min: 0, max: limits.depthMax });
  const request = { id, ...(depthMax === undefined ? {} : { depthMax }) };
  if (args.has("watch")) {
    await watchChain(request, context);
    return exitCodes.ok;
  }
  const chain = await fetchChain(request, chainNodesMax, context);
  if (terminal.format === "table") for (const line of chainText(chain, terminal)) terminal.data(line);
  else printJson(toJson(GetChainResponseSchema, chain.answer), terminal);
  return exitCodes.ok;
}
