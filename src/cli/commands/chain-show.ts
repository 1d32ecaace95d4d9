import { setTimeout as pause } from "node:timers/promises";
import { toJson } from "@bufbuild/protobuf";
import { GetChainResponseSchema } from "../../../gen/conveyor/v1/job_service_pb.ts";
import { ConveyorError } from "../../core/errors.ts";
import { limits } from "../../core/limits.ts";
import { parseInteger } from "../arguments.ts";
import { chainLines, totalsText } from "../chain-tree.ts";
import type { Command, CommandContext } from "../command.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { type Chain, fetchChain } from "../fetch-chain.ts";
import { isTerminalState, stateText } from "../job-text.ts";
import { createScreen } from "../live-screen.ts";
import { printJson } from "../print.ts";
import type { Terminal } from "../terminal.ts";

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

const nodesMax = 20_000;
/** Between two looks, in ms: a person sees no more, and the broker is left in peace. */
const watchMs = 300;

async function run(context: CommandContext): Promise<ExitCode> {
  const { args, terminal } = context;
  const [id = ""] = args.positionals;
  const depthMax = parseInteger(args.value("depth"), { flag: "--depth", min: 0, max: limits.depthMax });
  const request = { id, ...(depthMax === undefined ? {} : { depthMax }) };
  if (args.has("watch")) return watch(request, context);
  const chain = await fetchChain(request, nodesMax, context);
  if (terminal.format === "table") for (const line of lines(chain, terminal)) terminal.data(line);
  else printJson(toJson(GetChainResponseSchema, chain.answer), terminal);
  return exitCodes.ok;
}

async function watch(
  request: { readonly id: string; readonly depthMax?: number },
  context: CommandContext,
): Promise<ExitCode> {
  const { terminal, timeoutMs = Number.POSITIVE_INFINITY } = context;
  const end = performance.now() + timeoutMs;
  const screen = terminal.live && terminal.format === "table" ? createScreen() : undefined;
  let said = "";
  for (;;) {
    const chain = await fetchChain(request, nodesMax, { ...context, timeoutMs: undefined });
    const done = isTerminalState(chain.top.state);
    const summary = totalsText(chain.answer.totals, terminal);
    if (screen !== undefined) screen.draw(lines(chain, terminal));
    else if (summary !== said || done) say(chain, context);
    said = summary;
    if (done) return exitCodes.ok;
    if (performance.now() >= end)
      throw new ConveyorError("TIMED_OUT", `the chain of ${request.id} is not terminal after --timeout; it goes on`);
    await pause(Math.min(watchMs, Math.max(1, end - performance.now())));
  }
}

/** One change of a chain that is watched off a screen. */
function say(chain: Chain, { terminal }: CommandContext): void {
  if (terminal.format === "table") {
    terminal.data(
      `${new Date().toISOString()}  ${stateText(chain.top.state, terminal)}  ${totalsText(chain.answer.totals, terminal)}`,
    );
  } else {
    printJson(toJson(GetChainResponseSchema, chain.answer), { ...terminal, format: "jsonl" });
  }
}

function lines(chain: Chain, terminal: Terminal): readonly string[] {
  const rest = chain.more ? [`… more than ${nodesMax} lines; --depth shows less`] : [];
  return [...chainLines(chain.answer.nodes, terminal), ...rest, "", totalsText(chain.answer.totals, terminal)];
}
