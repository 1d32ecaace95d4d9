// npm test [-- paths and flags]: paths are folders, files or globs; flags go to `node --test` as they are.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { availableParallelism, tmpdir } from "node:os";
import path from "node:path";
import { endLike, run } from "./bootstrap/child.mjs";
import { root } from "./command.ts";
import { testArguments } from "./test-arguments.ts";

const scratch = mkdtempSync(path.join(tmpdir(), "conveyor-test-"));
const countFile = path.join(scratch, "count");
try {
  const { flags, patterns } = testArguments(process.argv.slice(2), root);
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
      "--test-reporter=./tools/test-count-reporter.ts",
      `--test-reporter-destination=${countFile}`,
      ...flags,
      ...patterns,
    ],
    // Hundreds of processes strip and compile the same sources: they share what the first of them made.
    { cwd: root, env: { NODE_COMPILE_CACHE: path.join(root, ".cache/compile"), ...process.env } },
  );
  if (ending.code === 0 && Number(readFileSync(countFile, "utf8")) === 0) {
    console.error(`no test ran for ${patterns.join(" ")} ${flags.join(" ")}`.trimEnd());
    process.exitCode = 1;
  } else {
    endLike(ending);
  }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
