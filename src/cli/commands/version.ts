import { readVersion } from "../../runtime/package-version.ts";
import type { Command, CommandContext } from "../command.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { printJson } from "../print.ts";

export const version: Command = {
  name: "version",
  summary: "Print the versions of conveyor and Node",
  positionals: [],
  flags: {},
  examples: ["conveyor version -o json"],
  run,
};

async function run({ terminal }: CommandContext): Promise<ExitCode> {
  const conveyor = await readVersion();
  if (terminal.format === "table") terminal.data(`conveyor ${conveyor}, Node ${process.versions.node}`);
  else printJson({ conveyor, node: process.versions.node, platform: `${process.platform}-${process.arch}` }, terminal);
  return exitCodes.ok;
}
