// Each bug in test/planted must be found by the tests: npm run prove -- planted-bugs [--only NAME,…] [--store NAME] [--thorough].
import { globSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { openDesk } from "../../servers/desk.ts";
import { grouped } from "../kill/grouped.ts";
import { exitOnSignals } from "../process/spawned.ts";
import { type Judge, runsByEngine, verdictOf } from "./judge.ts";
import { type PatchFile, readPatchFile } from "./patch-file.ts";
import { copyProject, projectFolder } from "./project-copy.ts";
import { runSuite, type TestEnd } from "./suite.ts";

const patchesMin = 10;
const patchesPerServerMin = 4;
const atOnce = 2;
/** The model proof is one long suite. */
const soundTestMsMax = 400_000;
const soundSuiteMsMax = 900_000;
/** Test files that took longer on the sound copy run only for the patches that name them. */
const cheapMsMax = 5_000;
/** These test the project's own tools, which no patch of `src` concerns. */
const excluded = ["test/tools/", "test/examples/", "test/servers/", "test/prove/"];

exitOnSignals();
const { values } = parseArgs({
  options: { only: { type: "string" }, store: { type: "string" }, thorough: { type: "boolean", default: false } },
});
const chosen = values.only?.split(",");
const planted = path.join(projectFolder, "test", "planted");
const patches = globSync("*.patch", { cwd: planted })
  .sort()
  .map((name) => readPatchFile(path.join(planted, name)))
  .filter((patch) => chosen?.includes(patch.name) ?? true)
  .filter((patch) => values.store === undefined || patch.engine === values.store);

const sound = copyProject();
const scratch = mkdtempSync(path.join(tmpdir(), "conveyor-planted-desk-"));
const deskFile = path.join(scratch, "desk");
const desk = await openDesk(deskFile);
let passed = false;
try {
  passed = await judgeAll();
} finally {
  await desk.close();
  rmSync(sound, { recursive: true });
  rmSync(scratch, { recursive: true });
}
process.exit(passed ? 0 : 1);

async function judgeAll(): Promise<boolean> {
  const baseline = await soundRun();
  const failedBefore = baseline.filter((end) => !end.ok);
  for (const end of failedBefore) console.log(`  fails without any patch: ${end.file}: ${end.title}: ${end.error}`);
  const cheap = values.thorough ? cheapFiles(baseline) : [];
  console.log(
    `without a patch: ${baseline.length} tests, ${failedBefore.length} fail; ${values.thorough ? `${cheap.length} files run for every patch` : "each patch meets the files that it names"}`,
  );
  const judge: Judge = { sound, baseline, cheap, desk: deskFile };
  const verdicts: boolean[] = [];
  const waiting = failedBefore.length === 0 && baseline.length > 0 ? [...patches] : [];
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (let patch = waiting.shift(); patch !== undefined; patch = waiting.shift())
        verdicts.push(await verdictOf(patch, judge));
    }),
  );
  const found = verdicts.filter((verdict) => verdict).length;
  const few = chosen === undefined && values.store === undefined ? tooFew(patches) : [];
  const ok = failedBefore.length === 0 && found === patches.length && few.length === 0 && patches.length > 0;
  const soundCount = baseline.length - failedBefore.length;
  console.log(
    `${ok ? "PASS" : "FAIL"} ${[`${found} of ${patches.length} planted bugs found`, ...few].join(", ")}; the sound copy passes ${soundCount} of ${baseline.length} tests`,
  );
  return ok;
}

/** Every test that any patch will meet, on the project as it is. */
async function soundRun(): Promise<readonly TestEnd[]> {
  const run = (files: readonly string[], engine: string) =>
    runSuite({
      folder: sound,
      files,
      engine,
      desk: deskFile,
      concurrency: atOnce,
      testMsMax: soundTestMsMax,
      msMax: soundSuiteMsMax,
    });
  if (values.thorough) {
    const all = globSync("test/**/*.test.ts", { cwd: sound });
    return run(all.filter((file) => !excluded.some((folder) => file.startsWith(folder))).sort(), "");
  }
  const ends: TestEnd[] = [];
  const groups = grouped(patches, (patch) => patch.engine);
  for (const [engine, own] of groups) {
    const files = [...new Set(own.flatMap((patch) => patch.files))].filter(runsByEngine);
    if (files.length > 0) ends.push(...(await run(files, engine)));
  }
  const others = [...new Set(patches.flatMap((patch) => patch.files))].filter((file) => !runsByEngine(file));
  if (others.length > 0) ends.push(...(await run(others, "")));
  return ends;
}

function cheapFiles(baseline: readonly TestEnd[]): readonly string[] {
  const costs = new Map<string, number>();
  for (const end of baseline) costs.set(end.file, (costs.get(end.file) ?? 0) + end.ms);
  return [...costs].filter(([, ms]) => ms <= cheapMsMax).map(([file]) => file);
}

function tooFew(patches: readonly PatchFile[]): readonly string[] {
  const servers = ["postgres", "redis"].filter(
    (engine) => patches.filter((patch) => patch.engine === engine).length < patchesPerServerMin,
  );
  return [
    ...(patches.length < patchesMin ? [`${patchesMin} are needed`] : []),
    ...servers.map((engine) => `${patchesPerServerMin} are needed for ${engine}`),
  ];
}
