import { readFileSync } from "node:fs";
import path from "node:path";
import { parse } from "yaml";
import { capture, root } from "../command.ts";
import { composeProblems } from "./compose-problems.ts";
import type { Outcome } from "./outcome.ts";

/** Checks docker-compose.yml by rules of its own, and by the compose plugin where that is installed; neither needs an engine. */
export async function checkComposeFile(): Promise<Outcome> {
  const text = readFileSync(path.join(root, "docker-compose.yml"), "utf8");
  const problems = composeProblems(parse(text, { merge: true, strict: true }));
  if (problems.length > 0)
    return { kind: "failed", output: problems.join("\n"), hint: "docker-compose.yml is not valid" };
  const plugin = await capture("docker", ["compose", "version"]).catch(() => undefined);
  if (plugin?.code !== 0) return { kind: "passed" };
  const config = await capture("docker", [
    "compose",
    ...["--file", "docker-compose.yml", "--profile", "postgres", "--profile", "redis"],
    ...["config", "--quiet"],
  ]);
  if (config.code === 0) return { kind: "passed" };
  return { kind: "failed", output: config.output, hint: "docker-compose.yml is not valid for docker compose" };
}
