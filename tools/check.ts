// The whole gate: `npm run check`, with --fast without the tests. It stops at the first step that fails.
import { existsSync } from "node:fs";
import path from "node:path";
import { checkComposeFile } from "./check/compose-file.ts";
import { checkGeneratedCode } from "./check/generated-code.ts";
import { commandStep, type Outcome } from "./check/outcome.ts";
import { checkPackageContents } from "./check/package-contents.ts";
import { root, show } from "./command.ts";
import { vendoredProtos } from "./vendored-protos.ts";

interface Step {
  readonly name: string;
  readonly run: () => Promise<Outcome>;
  /** The step says what it needs and is left out, out loud, for as long as the repository does not have it. */
  readonly needs?: string;
  readonly slow?: boolean;
}

const steps: readonly Step[] = [
  { name: "generated code", run: checkGeneratedCode },
  { name: "proto lint", run: commandStep("buf", ["lint"]) },
  {
    name: "proto format",
    run: commandStep("buf", [
      "format",
      "--diff",
      "--exit-code",
      ...vendoredProtos.flatMap((folder) => ["--exclude-path", folder]),
    ]),
  },
  {
    name: "proto compatibility",
    run: commandStep("buf", ["breaking", "proto", "--against", "tools/baseline/proto.binpb"]),
  },
  { name: "lint and format", run: commandStep("biome", ["ci", "--colors=off", "--error-on-warnings", "."]) },
  { name: "types", run: commandStep("tsc", ["--noEmit"]) },
  { name: "tests", run: runTests, slow: true },
  { name: "build", run: commandStep(process.execPath, ["tools/build.ts"]), needs: "src" },
  { name: "unused code", run: commandStep("knip", []), needs: "src/index.ts" },
  { name: "package entries", run: commandStep("publint", ["run", "--strict"]), needs: "src/index.ts" },
  { name: "package contents", run: checkPackageContents, needs: "src/index.ts" },
  { name: "compose file", run: checkComposeFile },
];

const fast = process.argv.includes("--fast");
const started = performance.now();
let skipped = 0;
for (const step of steps) {
  const stepStarted = performance.now();
  const outcome = await outcomeOf(step);
  const seconds = secondsSince(stepStarted);
  if (outcome.kind === "failed") {
    console.error(`${outcome.output.trimEnd()}\n\n✖ ${step.name} failed after ${seconds}; ${outcome.hint}`);
    process.exit(1);
  }
  if (outcome.kind === "skipped") skipped++;
  console.log(
    outcome.kind === "skipped" ? `- ${step.name} SKIPPED: ${outcome.reason}` : `✔ ${step.name.padEnd(20)} ${seconds}`,
  );
}
console.log(`\nall checks passed in ${secondsSince(started)}${skipped > 0 ? `, ${skipped} skipped (see above)` : ""}`);

async function outcomeOf(step: Step): Promise<Outcome> {
  if (fast && step.slow) return { kind: "skipped", reason: "--fast" };
  if (step.needs && !existsSync(path.join(root, step.needs))) {
    return { kind: "skipped", reason: `there is no ${step.needs} yet` };
  }
  return await step.run();
}

async function runTests(): Promise<Outcome> {
  const code = await show(process.execPath, ["tools/test.ts"]);
  return code === 0 ? { kind: "passed" } : { kind: "failed", output: "", hint: "run it alone with: npm test" };
}

function secondsSince(start: number): string {
  return `${((performance.now() - start) / 1000).toFixed(1)} s`;
}
