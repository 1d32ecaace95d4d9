import { ConveyorError } from "../core/errors.ts";
import { globalFlags } from "./arguments.ts";
import { commands } from "./catalog.ts";
import type { Command } from "./command.ts";
import { suggestion } from "./suggestion.ts";
import { commandHelp, overview } from "./usage.ts";

/** What was typed: a command with the words around its name, or a wish for help. */
export type Typed =
  | { readonly kind: "command"; readonly command: Command; readonly rest: readonly string[] }
  | { readonly kind: "help"; readonly text: string };

/** Finds the command, of one word or two, among the words; throws INVALID_OPTION with a suggestion where there is none. */
export function findCommand(argv: readonly string[]): Typed {
  const at = argv.findIndex((word, index) => !word.startsWith("-") && !takesValue(argv[index - 1]));
  const first = argv[at];
  if (first === undefined) return withoutCommand(argv);
  if (first === "help") return { kind: "help", text: helpFor(argv.slice(at + 1).join(" ")) };
  const second = argv[at + 1] ?? "";
  const isGroup = commands.some((each) => each.name.startsWith(`${first} `));
  if (isGroup && (second === "" || second === "--help" || second === "-h")) return groupHelp(first, second);
  const name = isGroup ? `${first} ${second}` : first;
  const command = commands.find((each) => each.name === name);
  if (command === undefined) throw unknownCommand(name);
  return { kind: "command", command, rest: argv.toSpliced(at, name.split(" ").length) };
}

function withoutCommand(argv: readonly string[]): Typed {
  const version = commands.find((each) => each.name === "version");
  if (argv.includes("--version") && version !== undefined) {
    return { kind: "command", command: version, rest: argv.filter((word) => word !== "--version") };
  }
  if (argv.includes("--help") || argv.includes("-h")) return { kind: "help", text: overview(commands) };
  throw new ConveyorError("INVALID_OPTION", "a command is missing");
}

function groupHelp(group: string, second: string): Typed {
  if (second !== "") return { kind: "help", text: helpFor(group) };
  throw unknownCommand(group);
}

function helpFor(name: string): string {
  if (name === "") return overview(commands);
  const found = commands.filter((each) => each.name === name || each.name.startsWith(`${name} `));
  if (found.length === 0) throw unknownCommand(name);
  return found.map(commandHelp).join("\n\n");
}

/** Whether the word after this one is its value: global flags may stand before the command. */
function takesValue(flag: string | undefined): boolean {
  if (flag === undefined) return false;
  return Object.entries(globalFlags).some(
    ([name, { value, short }]) => value !== undefined && (flag === `--${name}` || flag === `-${short}`),
  );
}

function unknownCommand(name: string): ConveyorError {
  const group = commands.filter((each) => each.name.startsWith(`${name} `));
  if (group.length > 0) {
    const words = group.map((each) => each.name.slice(name.length + 1)).join(", ");
    return new ConveyorError("INVALID_OPTION", `"${name}" needs one of: ${words}`);
  }
  const names = commands.map((each) => each.name);
  const groups = [...new Set(names.map((each) => each.split(" ")[0] ?? ""))];
  const meant = suggestion(name, names) ?? suggestion(name.split(" ")[0] ?? "", groups);
  return new ConveyorError(
    "INVALID_OPTION",
    `there is no command "${name}"${meant === undefined ? "" : `; did you mean "${meant}"?`}`,
  );
}
