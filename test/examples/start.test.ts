import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { conveyor } from "../cli/conveyor.ts";
import { makeSmallTree, makeWideFolder } from "./small-tree.ts";

const project = fileURLToPath(new URL("../..", import.meta.url));
const script = fileURLToPath(new URL("../../examples/manifest/start.ts", import.meta.url));

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "conveyor-start-"));
  await mkdir(join(folder, "tree"));
  await makeSmallTree(join(folder, "tree"));
  await makeWideFolder(join(folder, "wide"), 1_500);
});
after(() => rm(folder, { recursive: true, force: true }));

interface Started {
  readonly child: ChildProcess;
  /** The first line that matches. */
  readonly line: (pattern: RegExp) => Promise<string>;
  readonly ended: Promise<{ readonly code: number | null; readonly lines: readonly string[]; readonly stderr: string }>;
}

/** What `npm start -- ARGS` runs. */
function npmStart(args: readonly string[]): Started {
  const child = spawn(process.execPath, [script, ...args], { cwd: project, stdio: ["ignore", "pipe", "pipe"] });
  const lines: string[] = [];
  const wanted: { readonly pattern: RegExp; readonly resolve: (line: string) => void }[] = [];
  createInterface({ input: child.stdout }).on("line", (line) => {
    lines.push(line);
    for (const { pattern, resolve } of wanted) if (pattern.test(line)) resolve(line);
  });
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr += text;
  });
  return {
    child,
    line: (pattern) =>
      new Promise((resolve) => {
        const found = lines.find((line) => pattern.test(line));
        if (found === undefined) wanted.push({ pattern, resolve });
        else resolve(found);
      }),
    ended: once(child, "close").then(() => ({ code: child.exitCode, lines, stderr })),
  };
}

async function addressOf({ line }: Started): Promise<string> {
  return /^broker {2}(127\.0\.0\.1:\d+),/.exec(await line(/^broker {2}/))?.[1] ?? "";
}

/** Resolves when nothing answers at the address any more; each look is a process of its own. */
async function gone(address: string): Promise<void> {
  for (let look = 0; look < 40; look++) {
    if ((await conveyor(["job", "list", "--address", address, "--timeout", "2s"])).code === 4) return;
  }
  assert.fail(`a broker still answers at ${address}`);
}

test("npm start -- --once / verifies as many files as find counts, ends with 0 and leaves nothing behind", async () => {
  const started = npmStart(["--once", join(folder, "tree")]);
  const address = await addressOf(started);
  const { code, lines, stderr } = await started.ended;
  assert.equal(code, 0, stderr);
  const [, count, path = ""] = /^verified (\d+) files: (\S+)$/.exec(lines.at(-1) ?? "") ?? [];
  try {
    const found = execFileSync("find", [join(folder, "tree"), "-type", "f", "-print0"], { encoding: "latin1" });
    assert.equal(Number(count), found.split("\0").length - 1);
    execFileSync("sha256sum", ["-c", "--quiet", path], { cwd: project });
    await assert.rejects(stat(join(project, ".conveyor", `run-${started.child.pid}`)), { code: "ENOENT" });
    await gone(address);
  } finally {
    await rm(join(project, path), { force: true });
  }
});

test("npm start / stays up with the broker, says what to try, and ends with Ctrl-C", async () => {
  const started = npmStart([join(folder, "tree")]);
  const address = await addressOf(started);
  const verified = await started.line(/^verified \d+ files: /);
  const chain = / chain show (\S+)/.exec(await started.line(/ chain show /))?.[1] ?? "";
  try {
    const { code, stdout } = await conveyor(["chain", "show", chain, "--address", address]);
    assert.equal(code, 0);
    assert.match(stdout, /^ScanFolder ✓ completed/);
    assert.equal(
      (
        await conveyor([
          "enqueue",
          "manifest.v1.HashFile",
          "-f",
          `root=${project}`,
          "-f",
          "path=package.json",
          "--wait",
          "--address",
          address,
        ])
      ).code,
      0,
    );
    await started.line(/Ctrl-C/);
    started.child.kill("SIGINT");
    assert.equal((await started.ended).code, 0);
    await gone(address);
  } finally {
    await rm(join(project, verified.replace(/^.*: /, "")), { force: true });
  }
});

test("npm start / stopped in the middle ends with a reason, and leaves nothing behind", async () => {
  const started = npmStart(["--once", join(folder, "wide")]);
  const address = await addressOf(started);
  await started.line(/^chain {3}/);
  started.child.kill("SIGTERM");
  const { code, stderr } = await started.ended;
  assert.equal(code, 1);
  assert.match(stderr, /^npm start failed: .*SIGTERM/);
  await gone(address);
});

test("npm start / killed without a chance to clean up, broker and worker end by themselves", async () => {
  const started = npmStart(["--once", join(folder, "wide")]);
  const address = await addressOf(started);
  await started.line(/^chain {3}/);
  started.child.kill("SIGKILL");
  await started.ended;
  await gone(address);
  await rm(join(project, ".conveyor", `run-${started.child.pid}`), { recursive: true, force: true });
});

test("npm start / what cannot be scanned is refused with the usage", async () => {
  for (const [args, says] of [
    [[script], /is no folder/],
    [[join(folder, "none")], /is no folder/],
    [["a", "b"], /one folder at a time/],
    [["--twice"], /--twice/],
  ] as const) {
    const { code, stderr } = await npmStart(args).ended;
    assert.equal(code, 1, args.join(" "));
    assert.match(stderr, says);
    assert.match(stderr, /usage: npm start/);
  }
});
