// A store that runs full refuses by name, keeps what it acknowledged and goes on by itself: see test/prove/README.md.
import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { exitOnSignals } from "../process/spawned.ts";
import { runVariant } from "./run-variant.ts";
import { ownMounts } from "./small-disk.ts";
import { variants } from "./variants.ts";

const { values } = parseArgs({
  options: { store: { type: "string" }, inside: { type: "boolean", default: false } },
});
const chosen = values.store?.split(",") ?? Object.keys(variants);
const unknown = chosen.find((name) => variants[name] === undefined);
if (unknown !== undefined) {
  console.error(`usage: npm run prove -- full-disk [--store ${Object.keys(variants).join(",")}]`);
  process.exit(2);
}
if (!values.inside) process.exit(inside());

exitOnSignals();
let failed = 0;
for (const name of chosen) {
  const variant = variants[name];
  if (variant === undefined) continue;
  const folder = mkdtempSync(path.join(tmpdir(), "conveyor-full-disk-"));
  chmodSync(folder, 0o755);
  let problems: readonly string[];
  let figures = "";
  try {
    ({ problems, figures } = await runVariant(variant, folder));
  } catch (error) {
    console.error(error);
    problems = [error instanceof Error ? error.message : String(error)];
  }
  for (const problem of problems) console.log(`  ${problem}`);
  console.log(`${problems.length === 0 ? "ok  " : "BAD "} ${name}: ${variant.what}: ${figures}`);
  if (problems.length === 0) spawnSync("umount", ["--quiet", path.join(folder, "disk")]);
  if (problems.length === 0) rmSync(folder, { recursive: true });
  else failed += 1;
}
console.log(`${failed === 0 ? "PASS" : "FAIL"} ${chosen.length - failed} of ${chosen.length} ways to run full`);
process.exit(failed === 0 ? 0 : 1);

/** The same again, in a process with mounts of its own. */
function inside(): number {
  let command: readonly string[];
  try {
    command = ownMounts();
  } catch (error) {
    console.log(`FAIL not proven: ${error instanceof Error ? error.message : error}`);
    return 1;
  }
  const [unshare = "", ...flags] = command;
  const self = [process.execPath, fileURLToPath(import.meta.url), "--inside", "--store", chosen.join(",")];
  const { status } = spawnSync(unshare, [...flags, ...self], { stdio: "inherit" });
  return status ?? 1;
}
