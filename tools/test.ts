// npm test [-- paths and flags]: paths are folders, files or globs; flags go to `node --test` as they are.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import path from "node:path";
import { deskVariable, openDesk } from "../test/servers/desk.ts";
import { skipProblems } from "./allowed-skips.ts";
import { type Ending, endLike, run } from "./bootstrap/child.mjs";
import { root } from "./command.ts";
import { type TestArguments, testArguments } from "./test-arguments.ts";
import type { Tally } from "./test-tally-reporter.ts";

const scratch = mkdtempSync(path.join(tmpdir(), "conveyor-test-"));
const tallyFile = path.join(scratch, "tally");
const deskFile = path.join(scratch, "desk");
const desk = await openDesk(deskFile);
let ending: Ending;
try {
  ending = await runTests(testArguments(process.argv.slice(2), root));
} finally {
  await desk.close();
  rmSync(scratch, { recursive: true, force: true });
}
endLike(ending);

async function runTests({ flags, patterns }: TestArguments): Promise<Ending> {
  const ending = await run(
    process.execPath,
    [
      "--test",
      `--test-concurrency=${Math.max(2, availableParallelism())}`,
      // A file that hangs is a failure and not a lost afternoon; it bounds whole files, so it is generous.
      "--test-timeout=600000",
      ...(flags.some((flag) => flag.startsWith("--test-reporter"))
        ? []
        : ["--test-reporter=spec", "--test-reporter-destination=stdout"]),
      "--test-reporter=./tools/test-tally-reporter.ts",
      `--test-reporter-destination=${tallyFile}`,
      ...flags,
      ...patterns,
    ],
    {
      cwd: root,
      env: {
        // Hundreds of processes strip and compile the same sources: they share what the first of them made.
        NODE_COMPILE_CACHE: path.join(root, ".cache/compile"),
        ...process.env,
        [deskVariable]: deskFile,
      },
    },
  );
  if (ending.code !== 0) return ending;
  const tally = JSON.parse(readFileSync(tallyFile, "utf8")) as Tally; // as the reporter writes it
  const problems = skipProblems(tally.skipped);
  if (tally.ran === 0) problems.push(`no test ran for ${patterns.join(" ")} ${flags.join(" ")}`.trimEnd());
  for (const problem of problems) console.error(problem);
  return { code: problems.length === 0 ? 0 : 1, signal: null };
}
