import { capture } from "../command.ts";
import type { Outcome } from "./outcome.ts";

/** Validates docker-compose.yml where the compose plugin is installed; it needs no running engine. */
export async function checkComposeFile(): Promise<Outcome> {
  const plugin = await capture("docker", ["compose", "version"]).catch(() => undefined);
  if (plugin?.code !== 0) return { kind: "skipped", reason: "docker with its compose plugin is not installed" };
  const config = await capture("docker", ["compose", "--file", "docker-compose.yml", "config", "--quiet"]);
  if (config.code === 0) return { kind: "passed" };
  return { kind: "failed", output: config.output, hint: "docker-compose.yml is not valid" };
}
