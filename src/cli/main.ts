#!/usr/bin/env node
// Only the version check is imported before it has passed: what comes after may crash an old Node.
import { nodeRefusal } from "./node-version.ts";

const refusal = nodeRefusal(process.versions.node);
if (refusal === undefined) {
  // Halves the time to the first line: compiled code is kept in the system's folder for temporary files.
  const { enableCompileCache } = await import("node:module");
  enableCompileCache();
  // Warnings for programmers, such as of a certificate for an address, are none for those who type commands.
  process.noDeprecation = true;
  // A bug that nothing awaits: whatever it left half done, only a new start puts right.
  process.once("uncaughtException", (error) => {
    process.stderr.write(`conveyor: INTERNAL: ${error.stack ?? error.message}\n`);
    process.exit(7);
  });
  const { run } = await import("./run.ts");
  process.exitCode = await run(process.argv.slice(2));
} else {
  process.stderr.write(`conveyor: ${refusal}\n`);
  process.exitCode = 7;
}
