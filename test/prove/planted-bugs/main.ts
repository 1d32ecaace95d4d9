// Each bug in test/planted must be found by the tests: npm run prove -- planted-bugs [--only NAME,…].
import { globSync, rmSync } from "node:fs";
import path from "node:path";
import { parseArgs } from "node:util";
import { exitOnSignals } from "../process/spawned.ts";
import { type PatchFile, readPatchFile } from "./patch-file.ts";
import { command, copyAgain, copyProject, projectFolder } from "./project-copy.ts";
import { runSuite, type TestEnd } from "./suite.ts";

const patchesMin = 10;
const atOnce = 2;
const failedShareMax = 0.2;
/** The model proof is one long suite; what hangs because of a patch is given up sooner. */
const soundTestMsMax = 400_000;
const testMsMax = 60_000;
const soundSuiteMsMax = 900_000;
const suiteMsMax = 300_000;
/** Test files that took longer on the sound copy run only for the patches that name them. */
const cheapMsMax = 5_000;
/** These test the project's own tools, which no patch of `src` concerns. */
const excluded = ["test/tools/", "test/examples/"];

exitOnSignals();
const { values } = parseArgs({ options: { only: { type: "string" } } });
const chosen = values.only?.split(",");
const patches = globSync("*.patch", { cwd: path.join(projectFolder, "test", "planted") })
  .sort()
  .map((name) => readPatchFile(path.join(projectFolder, "test", "planted", name)))
  .filter((patch) => chosen?.includes(patch.name) ?? true);

const sound = copyProject();
const files = globSync("test/**/*.test.ts", { cwd: sound })
  .filter((file) => !excluded.some((folder) => file.startsWith(folder)))
  .sort();
const baseline = await runSuite({
  folder: sound,
  files,
  concurrency: atOnce,
  testMsMax: soundTestMsMax,
  msMax: soundSuiteMsMax,
});
const failedBefore = baseline.filter((end) => !end.ok);
for (const end of failedBefore) console.log(`  fails without any patch: ${end.file}: ${end.title}: ${end.error}`);
const cheap = files.filter((file) => costOf(file) <= cheapMsMax);
console.log(
  `without a patch: ${baseline.length} tests in ${files.length} files, ${failedBefore.length} fail; ${cheap.length} files run for every patch`,
);

const verdicts: boolean[] = [];
const waiting = [...patches];
if (failedBefore.length === 0 && baseline.length > 0) {
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (let patch = waiting.shift(); patch !== undefined; patch = waiting.shift()) verdicts.push(await judge(patch));
    }),
  );
}
rmSync(sound, { recursive: true });
const found = verdicts.filter((verdict) => verdict).length;
const enough = chosen !== undefined || patches.length >= patchesMin;
const passed = failedBefore.length === 0 && found === patches.length && enough && patches.length > 0;
console.log(
  `${passed ? "PASS" : "FAIL"} ${found} of ${patches.length} planted bugs found${enough ? "" : `, ${patchesMin} are needed`}; the sound copy passes ${baseline.length - failedBefore.length} of ${baseline.length} tests`,
);
process.exit(passed ? 0 : 1);

function costOf(file: string): number {
  return baseline.filter((end) => end.file === file).reduce((sum, end) => sum + end.ms, 0);
}

async function judge(patch: PatchFile): Promise<boolean> {
  const copy = copyAgain(sound);
  try {
    const { problems, note } = await problemsOf(patch, copy);
    console.log(`${problems.length === 0 ? "found" : "FAIL "} ${patch.name}: ${patch.what}${note}`);
    for (const problem of problems) console.log(`      ${problem}`);
    return problems.length === 0;
  } finally {
    rmSync(copy, { recursive: true });
  }
}

async function problemsOf(
  patch: PatchFile,
  copy: string,
): Promise<{ readonly problems: readonly string[]; readonly note: string }> {
  const unusable = (problem: string) => ({ problems: [...patch.problems, problem], note: "" });
  const applied = command("git", ["apply", "--whitespace=nowarn", patch.location], copy);
  if (applied.code !== 0) return unusable(`it does not apply: ${applied.output.trim()}`);
  const types = command(
    process.execPath,
    [path.join(projectFolder, "node_modules", "typescript", "bin", "tsc"), "--noEmit"],
    copy,
  );
  if (types.code !== 0) return unusable(`the type check fails: ${types.output.slice(0, 500)}`);
  const own = [...new Set([...patch.files, ...cheap])];
  const ends = await runSuite({ folder: copy, files: own, concurrency: 1, testMsMax, msMax: suiteMsMax });
  const failed = ends.filter((end) => !end.ok);
  const missed = patch.mustFail.filter((title) => !failed.some((end) => isMeant(end, title)));
  const all = baseline.filter((end) => own.includes(end.file)).length;
  const share = failed.length / all;
  const problems = [
    ...patch.problems,
    ...missed.map((title) => `this test must fail and does not: ${title}`),
    ...(share < failedShareMax ? [] : [`${failed.length} of ${all} tests fail, that is no small bug`]),
  ];
  if (problems.length > 0)
    for (const end of failed.slice(0, 15)) console.log(`      (${patch.name} fails ${end.file}: ${end.title})`);
  return { problems, note: ` (${failed.length} of ${all} tests fail)` };
}

function isMeant(end: TestEnd, title: string): boolean {
  return end.name === title || end.title === title || end.title.endsWith(` > ${title}`);
}
