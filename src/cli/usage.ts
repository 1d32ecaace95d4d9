import { globalFlags } from "./arguments.ts";
import type { Command, Flag } from "./command.ts";

/** The line that says how a command is typed. */
export function synopsis(command: Command): string {
  const words = command.positionals.map((name) => (name.startsWith("[") ? name : `<${name}>`));
  const flags = Object.keys(command.flags).length > 0 ? ["[flags]"] : [];
  return ["conveyor", command.name, ...words, ...flags].join(" ");
}

/** The help of one command. */
export function commandHelp(command: Command): string {
  const own = Object.entries(command.flags);
  return [
    `${command.summary}.`,
    "",
    "Usage",
    `  ${synopsis(command)}`,
    ...(own.length > 0 ? ["", "Flags", ...flagLines(own)] : []),
    "",
    "Global flags",
    ...flagLines(Object.entries(globalFlags).filter(([name]) => !(name in command.flags))),
    "",
    command.examples.length > 1 ? "Examples" : "Example",
    ...command.examples.map((example) => `  ${example}`),
  ].join("\n");
}

/** The help of the whole command line. */
export function overview(commands: readonly Command[]): string {
  const width = Math.max(...commands.map((command) => command.name.length));
  return [
    "conveyor: a job broker that speaks gRPC.",
    "",
    "Usage",
    "  conveyor <command> [arguments] [flags]",
    "",
    "Commands",
    ...commands.map((command) => `  ${command.name.padEnd(width)}  ${command.summary}`),
    "",
    "Global flags",
    ...flagLines(Object.entries(globalFlags)),
    "",
    "Exit status",
    "  0 done · 1 the job failed (--wait, job wait) · 2 usage or a refused request · 3 not found · 4 unreachable",
    "  5 denied · 6 time-out · 7 cannot start, or an internal error",
    "",
    'Run "conveyor help <command>" for its flags and an example.',
  ].join("\n");
}

function flagLines(flags: readonly (readonly [string, Flag])[]): readonly string[] {
  const heads = flags.map(([name, flag]) => {
    const short = flag.short === undefined ? "    " : `-${flag.short}, `;
    return `${short}--${name}${flag.value === undefined ? "" : ` ${flag.value}`}${flag.many ? " …" : ""}`;
  });
  const width = Math.min(34, Math.max(...heads.map((head) => head.length)));
  return flags.map(([, flag], index) => `  ${(heads[index] ?? "").padEnd(width)}  ${flag.help}`);
}
