// node tools/build.ts [FOLDER]: compiles src and the generated code it imports into FOLDER (dist when left out), and puts beside
// the modules what they read at run time.
import { chmodSync, cpSync, globSync, rmSync } from "node:fs";
import path from "node:path";
import manifest from "../package.json" with { type: "json" };
import { root, show } from "./command.ts";

const folder = path.resolve(process.argv[2] ?? path.join(root, "dist"));
process.chdir(root);
rmSync(folder, { recursive: true, force: true });
process.exitCode = await show("tsc", ["--project", "tsconfig.build.json", "--outDir", folder]);
if (process.exitCode === 0) {
  for (const file of globSync("src/**/*.{sql,lua}")) cpSync(file, path.join(folder, file));
  for (const binary of Object.values(manifest.bin)) chmodSync(path.join(folder, path.relative("dist", binary)), 0o755);
}
