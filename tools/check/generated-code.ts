import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { capture } from "../command.ts";
import type { Outcome } from "./outcome.ts";

/** Generates into a scratch folder, so that a check never changes the work tree, and compares that with gen. */
export async function checkGeneratedCode(): Promise<Outcome> {
  const scratch = mkdtempSync(path.join(tmpdir(), "conveyor-gen-"));
  try {
    const generated = await capture("buf", ["generate", "--output", scratch]);
    if (generated.code !== 0) return { kind: "failed", output: generated.output, hint: "buf generate failed" };
    const fresh = path.join(scratch, "gen");
    const diff = await capture("git", ["diff", "--no-index", "--stat=120", "--exit-code", "gen", fresh]);
    if (diff.code === 0) return { kind: "passed" };
    return { kind: "failed", output: diff.output, hint: "gen is not what the protos generate: npm run generate" };
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}
