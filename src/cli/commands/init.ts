import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { ConveyorError } from "../../core/errors.ts";
import { type BufFile, bufFiles } from "../buf-files.ts";
import type { Command, CommandContext } from "../command.ts";
import { type ExitCode, exitCodes } from "../exit-code.ts";
import { printJson } from "../print.ts";
import { printable, type Terminal } from "../terminal.ts";

export const init: Command = {
  name: "init",
  summary: "Write buf.yaml and buf.gen.yaml, which make TypeScript and stubs of job types; no file is overwritten",
  positionals: ["[folder]"],
  flags: {},
  examples: ["conveyor init", "conveyor init services/photos"],
  run,
};

async function run({ args, terminal }: CommandContext): Promise<ExitCode> {
  const [folder = "."] = args.positionals;
  const written: BufFile[] = [];
  const kept: BufFile[] = [];
  const strange: BufFile[] = [];
  for (const file of bufFiles) {
    if (await writeNew(folder, file)) written.push(file);
    else {
      kept.push(file);
      if (!(await isWritten(folder, file))) strange.push(file);
    }
  }
  if (terminal.format === "table") for (const file of kept) tellOfKept(file, !strange.includes(file), terminal);
  if (written.length === 0 && strange.length > 0) {
    const names = kept.map(({ name }) => name).join(" and ");
    throw new ConveyorError("INVALID_OPTION", `nothing was written: ${names} are there already, and stay as they are`);
  }
  print({ folder, written: namesOf(written), kept: namesOf(kept) }, terminal);
  return exitCodes.ok;
}

/** Writes a file, and the folder where it is missing; false when there is a file of this name. */
async function writeNew(folder: string, { name, text }: BufFile): Promise<boolean> {
  try {
    await mkdir(folder, { recursive: true });
    await writeFile(join(folder, name), text, { flag: "wx" });
    return true;
  } catch (error) {
    const { code, message, path } = error as NodeJS.ErrnoException;
    if (code === "EEXIST" && path === join(folder, name)) return false;
    throw new ConveyorError("INVALID_OPTION", `${join(folder, name)} cannot be written: ${message}`, { cause: error });
  }
}

/** Whether the file that is there is just what would be written. */
async function isWritten(folder: string, { name, text }: BufFile): Promise<boolean> {
  return (await readFile(join(folder, name), "utf8").catch(() => undefined)) === text;
}

function tellOfKept({ name, text }: BufFile, same: boolean, terminal: Terminal): void {
  if (same) {
    terminal.talk(`${name} is there already, as it would be written`);
    return;
  }
  terminal.talk(`${name} is there already, and stays as it is; this would have been in it:`);
  for (const line of text.trimEnd().split("\n")) terminal.talk(`  ${line}`);
}

interface Done {
  readonly folder: string;
  readonly written: string[];
  readonly kept: string[];
}

function print({ folder, written, kept }: Done, terminal: Terminal): void {
  if (terminal.format !== "table") {
    printJson({ folder, written, kept }, terminal);
    return;
  }
  for (const name of written) terminal.data(`wrote ${printable(join(folder, name))}`);
  const there = folder === "." ? "" : ` in ${printable(folder)}`;
  terminal.talk(`next${there}: job types go into proto/, then "npx buf generate" makes their code in gen/`);
  terminal.talk('and "npx buf build -o schema.binpb" their image for "npx conveyor serve --schema schema.binpb"');
}

function namesOf(files: readonly BufFile[]): string[] {
  return files.map(({ name }) => name);
}
