import path from "node:path";
import { capture } from "../command.ts";

/** What a step of the gate came to. `hint` says what to do or run about a failure. */
export type Outcome =
  | { readonly kind: "passed" }
  | { readonly kind: "failed"; readonly output: string; readonly hint: string }
  | { readonly kind: "skipped"; readonly reason: string };

/** A step that passes when a command exits with 0, and is silent unless it fails. */
export function commandStep(command: string, args: readonly string[]): () => Promise<Outcome> {
  return async () => {
    const { code, output } = await capture(command, args);
    if (code === 0) return { kind: "passed" };
    return { kind: "failed", output, hint: `the command was: ${[path.basename(command), ...args].join(" ")}` };
  };
}
