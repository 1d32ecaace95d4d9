// Proofs take longer than tests and prove one property each: `npm run prove -- <name> [arguments]` runs
// test/prove/<name>.ts, or test/prove/<name>/main.ts where a proof needs a folder.
import { existsSync, globSync } from "node:fs";
import path from "node:path";
import { endLike, run } from "./bootstrap/child.mjs";
import { root } from "./command.ts";

const proofs = path.join(root, "test", "prove");
const names = [
  ...globSync("*.ts", { cwd: proofs }).map((file) => path.basename(file, ".ts")),
  ...globSync("*/main.ts", { cwd: proofs }).map((file) => path.dirname(file)),
].sort();

const [name, ...args] = process.argv.slice(2);
if (name !== undefined && names.includes(name)) {
  const file = path.join(proofs, `${name}.ts`);
  endLike(await run(process.execPath, [existsSync(file) ? file : path.join(proofs, name, "main.ts"), ...args]));
} else {
  if (name !== undefined) console.error(`there is no proof named "${name}"`);
  console.error(`usage: npm run prove -- <name> [arguments]\nproofs: ${names.join(", ") || "none yet"}`);
  process.exitCode = 2;
}
