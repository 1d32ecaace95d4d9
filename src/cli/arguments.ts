import { parseArgs } from "node:util";
import { ConveyorError } from "../core/errors.ts";
import type { Arguments, Command, Flag } from "./command.ts";
import { credentialFlags } from "./credentials.ts";
import { suggestion } from "./suggestion.ts";

/** The flags that every command takes. */
export const globalFlags: Readonly<Record<string, Flag>> = {
  output: { short: "o", value: "table|json|jsonl", help: "how to print data (default table)" },
  address: {
    value: "HOST:PORT",
    help: "the broker, or several of one store with commas (default CONVEYOR_ADDRESS, else localhost:2668)",
  },
  ...credentialFlags,
  timeout: {
    value: "SPAN",
    help: "give up after this long, such as 30s (default 10s; waiting commands wait for ever)",
  },
  help: { short: "h", help: "explain the command" },
};

/** Checks what was typed after a command's name; throws INVALID_OPTION that names the flag and, where it can, the one that was meant. */
export function parseArguments(argv: readonly string[], command: Command): Arguments {
  const flags = { ...globalFlags, ...command.flags };
  const options = Object.fromEntries(
    Object.entries(flags).map(([name, flag]) => [
      name,
      {
        type: flag.value === undefined ? ("boolean" as const) : ("string" as const),
        ...(flag.short === undefined ? {} : { short: flag.short }),
        multiple: true,
      },
    ]),
  );
  // Not strict: its errors speak of the parser, and know no suggestions.
  const { tokens, positionals } = parseArgs({ args: [...argv], options, strict: false, tokens: true });
  const values = new Map<string, string[]>();
  for (const token of tokens) {
    if (token.kind !== "option") continue;
    const flag = flags[token.name];
    if (flag === undefined) throw unknownFlag(token.rawName, Object.keys(flags));
    values.set(token.name, [...(values.get(token.name) ?? []), flagValue(token, flag)]);
    if (!flag.many && values.get(token.name)?.length === 2) throw problem(`${token.rawName} is given twice`);
  }
  if (values.has("help")) return asArguments(positionals, values);
  checkPositionals(positionals, command);
  return asArguments(positionals, values);
}

function flagValue(
  token: { readonly rawName: string; readonly value?: string | undefined; readonly inlineValue?: boolean | undefined },
  flag: Flag,
): string {
  if (flag.value === undefined) {
    if (token.inlineValue) throw problem(`${token.rawName} takes no value`);
    return "";
  }
  if (token.value === undefined || token.value === "") throw problem(`${token.rawName} needs a value: ${flag.value}`);
  if (!token.inlineValue && token.value.startsWith("--")) {
    throw problem(
      `${token.rawName} needs a value, and ${token.value} looks like a flag; write ${token.rawName}=${token.value} if it is meant`,
    );
  }
  return token.value;
}

function checkPositionals(positionals: readonly string[], command: Command): void {
  const needed = command.positionals.filter((name) => !name.startsWith("["));
  const missing = needed[positionals.length];
  if (missing !== undefined) throw problem(`<${missing}> is missing`);
  const extra = positionals[command.positionals.length];
  if (extra !== undefined) throw problem(`"${extra}" is one argument too many`);
  const empty = positionals.indexOf("");
  if (empty >= 0) throw problem(`<${command.positionals[empty]}> is empty`);
}

function asArguments(positionals: readonly string[], values: ReadonlyMap<string, readonly string[]>): Arguments {
  return {
    positionals,
    value: (flag) => values.get(flag)?.[0],
    values: (flag) => values.get(flag) ?? [],
    has: (flag) => values.has(flag),
  };
}

function unknownFlag(rawName: string, names: readonly string[]): ConveyorError {
  const meant = suggestion(rawName.replace(/^-+/, ""), names);
  return problem(`unknown flag ${rawName}${meant === undefined ? "" : `; did you mean --${meant}?`}`);
}

function problem(message: string): ConveyorError {
  return new ConveyorError("INVALID_OPTION", message);
}

/** A whole number between the bounds, else throws INVALID_OPTION. Undefined stays undefined. */
export function parseInteger(
  text: string | undefined,
  { flag, min, max }: { readonly flag: string; readonly min: number; readonly max: number },
): number | undefined {
  if (text === undefined) return undefined;
  const value = /^-?\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (!(value >= min && value <= max))
    throw problem(`${flag}: a whole number from ${min} to ${max} is needed; got "${text}"`);
  return value;
}

/** One of the given words, whatever its case, else throws INVALID_OPTION with a suggestion. */
export function parseChoice<Choice extends string>(text: string, choices: readonly Choice[], flag: string): Choice {
  const found = choices.find((choice) => choice.toLowerCase() === text.toLowerCase().replaceAll("-", "_"));
  if (found !== undefined) return found;
  const meant = suggestion(
    text.toLowerCase(),
    choices.map((choice) => choice.toLowerCase()),
  );
  throw problem(
    `${flag}: "${text}" is none of ${choices.join(", ").toLowerCase()}${meant === undefined ? "" : `; did you mean ${meant}?`}`,
  );
}
