import type { JsonValue } from "@bufbuild/protobuf";
import type { Terminal } from "./terminal.ts";

/** Prints one thing as JSON: indented for `-o json`, on one line for `-o jsonl`. */
export function printJson(value: JsonValue, terminal: Terminal): void {
  terminal.data(JSON.stringify(value, null, terminal.format === "jsonl" ? 0 : 2));
}
