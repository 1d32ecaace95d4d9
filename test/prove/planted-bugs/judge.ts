import { rmSync } from "node:fs";
import path from "node:path";
import type { PatchFile } from "./patch-file.ts";
import { command, copyAgain, projectFolder } from "./project-copy.ts";
import { runSuite, type TestEnd } from "./suite.ts";

/** What patches are judged against. */
export interface Judge {
  /** A copy of the project without a patch. */
  readonly sound: string;
  /** How its tests ended. */
  readonly baseline: readonly TestEnd[];
  /** Files that run for every patch beside those that it names. */
  readonly cheap: readonly string[];
  readonly desk: string;
}

const failedShareMax = 0.2;
/** What hangs because of a patch is given up soon. */
const testMsMax = 60_000;
const suiteMsMax = 300_000;
const shownMax = 15;

/** Whether the tests that the patch names fail because of it, and few others; says so on stdout. */
export async function verdictOf(patch: PatchFile, judge: Judge): Promise<boolean> {
  const copy = copyAgain(judge.sound);
  try {
    const { problems, note } = await problemsOf(patch, copy, judge);
    console.log(`${problems.length === 0 ? "found" : "FAIL "} ${patch.name}: ${patch.what}${note}`);
    for (const problem of problems) console.log(`      ${problem}`);
    return problems.length === 0;
  } finally {
    rmSync(copy, { recursive: true });
  }
}

interface Problems {
  readonly problems: readonly string[];
  readonly note: string;
}

async function problemsOf(patch: PatchFile, copy: string, judge: Judge): Promise<Problems> {
  const unusable = (problem: string): Problems => ({ problems: [...patch.problems, problem], note: "" });
  const applied = command("git", ["apply", "--whitespace=nowarn", patch.location], copy);
  if (applied.code !== 0) return unusable(`it does not apply: ${applied.output.trim()}`);
  const compiler = path.join(projectFolder, "node_modules", "typescript", "bin", "tsc");
  const types = command(process.execPath, [compiler, "--noEmit"], copy);
  if (types.code !== 0) return unusable(`the type check fails: ${types.output.slice(0, 500)}`);
  const ends = await runAffected(patch, copy, judge);
  const failed = ends.filter((end) => !end.ok);
  const missed = patch.mustFail.filter((title) => !failed.some((end) => isMeant(end, title)));
  const own = new Set([...patch.files, ...judge.cheap]);
  const all = judge.baseline.filter((end) => own.has(end.file) && isOfEngine(end, patch.engine)).length;
  const problems = [
    ...patch.problems,
    ...missed.map((title) => `this test must fail and does not: ${title}`),
    ...(failed.length / all < failedShareMax ? [] : [`${failed.length} of ${all} tests fail, that is no small bug`]),
  ];
  if (problems.length > 0) {
    for (const end of failed.slice(0, shownMax)) console.log(`      (${patch.name} fails ${end.file}: ${end.title})`);
  }
  return { problems, note: ` (${failed.length} of ${all} tests fail)` };
}

/** What breaks one driver cannot fail the cases of another: those are left out. */
async function runAffected(patch: PatchFile, copy: string, judge: Judge): Promise<readonly TestEnd[]> {
  const run = (files: readonly string[], engine: string) =>
    files.length === 0
      ? []
      : runSuite({ folder: copy, files, engine, desk: judge.desk, concurrency: 1, testMsMax, msMax: suiteMsMax });
  const files = [...new Set([...patch.files, ...judge.cheap])];
  const byEngine = files.filter(runsByEngine);
  const others = files.filter((file) => !runsByEngine(file));
  return [...(await run(byEngine, patch.engine)), ...(await run(others, ""))];
}

/** Whether a file runs the same cases on every store. */
export function runsByEngine(file: string): boolean {
  return /^test\/store\/[^/]+$/.test(file);
}

function isOfEngine(end: TestEnd, engine: string): boolean {
  return engine === "" || !/\[[a-z]+/.test(end.name) || end.name.includes(`[${engine}`);
}

function isMeant(end: TestEnd, title: string): boolean {
  return end.name === title || end.title === title || end.title.endsWith(` > ${title}`);
}
