import { readFile } from "node:fs/promises";
import { text } from "node:stream/consumers";
import { ConveyorError } from "../core/errors.ts";
import type { Arguments } from "./command.ts";
import { fieldsToJson } from "./payload-fields.ts";
import type { ReflectedTypes } from "./reflected-types.ts";

/** The JSON text of a payload, from `-d` (inline, `@file`, `-` for stdin) or the `-f` flags; `{}` without either. */
export async function payloadText(type: string, args: Arguments, types: ReflectedTypes): Promise<string> {
  const data = args.value("data");
  const fields = args.values("field");
  if (data === undefined) return JSON.stringify(await fieldsToJson(type, fields, types));
  if (fields.length > 0) throw problem("-d and -f exclude each other; give the payload in one way");
  return checked(await read(data), data);
}

async function read(data: string): Promise<string> {
  if (data === "-") return text(process.stdin);
  if (!data.startsWith("@")) return data;
  try {
    return await readFile(data.slice(1), "utf8");
  } catch (error) {
    throw problem(
      `-d ${data}: the file cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      error,
    );
  }
}

/** The text as it is: numbers must not lose digits on the way. */
function checked(json: string, from: string): string {
  try {
    const value: unknown = JSON.parse(json);
    if (typeof value !== "object" || value === null || Array.isArray(value)) throw new Error("it is no JSON object");
  } catch (error) {
    const where = from === "-" ? "stdin" : from.startsWith("@") ? from : "its value";
    throw problem(
      `-d: ${where} is not a JSON object: ${error instanceof Error ? error.message : String(error)}`,
      error,
    );
  }
  return json;
}

function problem(message: string, cause?: unknown): ConveyorError {
  return new ConveyorError("INVALID_OPTION", message, { cause });
}
