import { setTimeout as pause } from "node:timers/promises";
import { toJson } from "@bufbuild/protobuf";
import { GetChainResponseSchema } from "../../gen/conveyor/v1/job_service_pb.ts";
import { ConveyorError } from "../core/errors.ts";
import { chainLines, totalsText } from "./chain-tree.ts";
import type { CommandContext } from "./command.ts";
import { type Chain, fetchChain } from "./fetch-chain.ts";
import { isTerminalState, stateText } from "./job-text.ts";
import { createScreen } from "./live-screen.ts";
import { printJson } from "./print.ts";
import type { Terminal } from "./terminal.ts";

/** What of a chain is shown: the job at its top, and how deep below it. */
interface ChainRequest {
  readonly id: string;
  readonly depthMax?: number;
}

/** Nodes that are drawn at most. */
export const chainNodesMax = 20_000;
/** Between two looks, in ms: a person sees no more, and the broker is left in peace. */
const watchMs = 300;

/**
 * Draws a chain over and over until its top is terminal, and resolves with it; off a screen each change is a line. Throws
 * TIMED_OUT after `--timeout`.
 */
export async function watchChain(request: ChainRequest, context: CommandContext): Promise<Chain> {
  const { terminal, timeoutMs = Number.POSITIVE_INFINITY } = context;
  const end = performance.now() + timeoutMs;
  const screen = terminal.live && terminal.format === "table" ? createScreen() : undefined;
  let said = "";
  for (;;) {
    const chain = await fetchChain(request, chainNodesMax, { ...context, timeoutMs: undefined });
    const done = isTerminalState(chain.top.state);
    const summary = totalsText(chain.answer.totals, terminal);
    if (screen !== undefined) screen.draw(chainText(chain, terminal));
    else if (summary !== said || done) say(chain, terminal);
    said = summary;
    if (done) return chain;
    if (performance.now() >= end)
      throw new ConveyorError("TIMED_OUT", `the chain of ${request.id} is not terminal after --timeout; it goes on`);
    await pause(Math.min(watchMs, Math.max(1, end - performance.now())));
  }
}

/** A chain for people: its tree, and what it consists of. */
export function chainText(chain: Chain, terminal: Terminal): readonly string[] {
  const rest = chain.more ? [`… more than ${chainNodesMax} lines; --depth shows less`] : [];
  return [...chainLines(chain.answer.nodes, terminal), ...rest, "", totalsText(chain.answer.totals, terminal)];
}

/** One change of a chain that is watched off a screen. */
function say(chain: Chain, terminal: Terminal): void {
  if (terminal.format === "table") {
    terminal.data(
      `${new Date().toISOString()}  ${stateText(chain.top.state, terminal)}  ${totalsText(chain.answer.totals, terminal)}`,
    );
  } else {
    printJson(toJson(GetChainResponseSchema, chain.answer), { ...terminal, format: "jsonl" });
  }
}
