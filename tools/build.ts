// Compiles src and the generated code it imports into dist, and puts beside the modules what they read at run time.
import { chmodSync, cpSync, globSync, rmSync } from "node:fs";
import path from "node:path";
import manifest from "../package.json" with { type: "json" };
import { root, show } from "./command.ts";

process.chdir(root);
rmSync("dist", { recursive: true, force: true });
process.exitCode = await show("tsc", ["--project", "tsconfig.build.json"]);
if (process.exitCode === 0) {
  for (const file of globSync("src/**/*.{sql,lua}")) cpSync(file, path.join("dist", file));
  for (const binary of Object.values(manifest.bin)) chmodSync(binary, 0o755);
}
