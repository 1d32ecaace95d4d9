import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";

const run = promisify(execFile);
const src = new URL("../../src/", import.meta.url);
const drivers = ["better-sqlite3", "ioredis", "pg"];

/** Packages that a fresh process loads, itself or by what it loads, when it runs this. */
async function packagesOf(code: string): Promise<readonly string[]> {
  const script = `
    import { registerHooks } from "node:module";
    const packages = new Set();
    registerHooks({
      load(url, context, next) {
        const [, name] = /.*[/\\\\]node_modules[/\\\\]((?:@[^/\\\\]+[/\\\\])?[^/\\\\]+)/.exec(url) ?? [];
        if (name !== undefined) packages.add(name);
        return next(url, context);
      },
    });
    ${code}
    console.log(JSON.stringify([...packages]));`;
  const { stdout } = await run(process.execPath, ["--input-type=module", "-e", script]);
  return JSON.parse(stdout.trimEnd().split("\n").at(-1) ?? "") as readonly string[];
}

function importing(file: string): string {
  return `await import(${JSON.stringify(new URL(file, src).href)});`;
}

function driversIn(packages: readonly string[]): readonly string[] {
  return packages.filter((name) => drivers.includes(name)).sort();
}

for (const entry of ["index.ts", "broker/index.ts", "embedded/index.ts"]) {
  test(`entries / ${entry} pulls in no driver of a store`, async () => {
    const packages = await packagesOf(importing(entry));
    assert.deepEqual(driversIn(packages), []);
    if (entry === "index.ts") assert.ok(!packages.includes("grpc-health-check"), "nor what only a broker needs");
  });
}

const opened: readonly (readonly [url: string, driver: string])[] = [
  ["sqlite:?", ""],
  [":memory:", ""],
  ["sqlite:/nowhere/at/all.db", "better-sqlite3"],
  ["postgres://nobody@127.0.0.1:1/none", "pg"],
  ["redis://127.0.0.1:1", "ioredis"],
];

for (const [url, driver] of opened) {
  test(`entries / openStore(${url}) loads ${driver || "no driver"} alone`, async () => {
    const code = `
      const { openStore } = await import(${JSON.stringify(new URL("embedded/index.ts", src).href)});
      await openStore(${JSON.stringify(url)}).catch(() => undefined);`;
    assert.deepEqual(driversIn(await packagesOf(code)), driver === "" ? [] : [driver]);
  });
}

test("entries / the command line loads no driver before it opens a store", async () => {
  const packages = await packagesOf(`process.argv.splice(1, 9, "conveyor", "version"); ${importing("cli/main.ts")}`);
  assert.deepEqual(driversIn(packages), []);
  assert.ok(packages.includes("@grpc/grpc-js"), "and the rest is seen");
});
