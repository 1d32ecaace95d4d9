import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";

const repository = fileURLToPath(new URL("../..", import.meta.url));
const expectation = /^\s*\/\/ @ts-expect-error: .+$/;
let folder: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "conveyor-types-"));
});

after(() => rm(folder, { recursive: true, force: true }));

for (const name of ["client.ts", "worker.ts", "service.ts"]) {
  test(`typed use / ${name}: every misuse is an error, and nothing else is`, async () => {
    assert.deepEqual(await errorLines(name, (source) => source), []);
  });

  test(`typed use / ${name}: each error stands where it is expected`, async () => {
    const lines = (await readFile(fixture(name), "utf8")).split("\n");
    const places = lines.flatMap((line, index) => (expectation.test(line) ? [index + 1] : []));
    assert.ok(places.length >= 5);
    const errors = await errorLines(name, (source) => source.replaceAll(/@ts-expect-error/g, "expected:"));
    for (const place of places) {
      const next = places.find((later) => later > place) ?? Number.POSITIVE_INFINITY;
      assert.ok(
        errors.some((line) => line > place && line < next),
        `${name}:${place}: ${lines[place - 1]}`,
      );
    }
  });
}

test("typed use / an expectation that nothing meets is an error", async () => {
  const added = (source: string) => `${source}\n// @ts-expect-error: nothing is wrong here\nexport const one = 1;\n`;
  assert.equal((await errorLines("service.ts", added)).length, 1);
});

function fixture(name: string): string {
  return join(repository, "test/codegen/typed", name);
}

/** Compiles a fixture by the repository's rules after a change and answers the lines of its errors. */
async function errorLines(name: string, change: (source: string) => string): Promise<readonly number[]> {
  const source = await readFile(fixture(name), "utf8");
  const place = await mkdtemp(join(folder, "case-"));
  const file = join(place, name);
  const absolute = source.replaceAll('from "../../../', `from "${repository}`);
  await writeFile(file, change(absolute));
  await writeFile(join(place, "package.json"), '{"type":"module"}');
  await writeFile(
    join(place, "tsconfig.json"),
    JSON.stringify({
      extends: join(repository, "tsconfig.json"),
      compilerOptions: {
        typeRoots: [join(repository, "node_modules/@types")],
        allowImportingTsExtensions: true,
        rewriteRelativeImportExtensions: false,
      },
      include: [],
      files: [file],
    }),
  );
  const { code, output } = await compile(place);
  const found = [...output.matchAll(/^(\S+)\((\d+),\d+\): error/gm)].map(([, path = "", line]) => {
    assert.equal(basename(path), name, output); // an error elsewhere is none of ours to expect
    return Number(line);
  });
  assert.equal(code !== 0, found.length > 0, output);
  return found;
}

function compile(place: string): Promise<{ readonly code: number; readonly output: string }> {
  const tsc = join(repository, "node_modules/.bin/tsc");
  return new Promise((resolve) => {
    execFile(tsc, ["-p", place, "--noEmit", "--pretty", "false"], { cwd: place }, (error, stdout) => {
      resolve({ code: error === null ? 0 : 1, output: stdout });
    });
  });
}
