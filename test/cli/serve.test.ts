import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { conveyor, serve, start } from "./conveyor.ts";
import { writeShopImage } from "./shop-image.ts";

let folder: string;
before(async () => {
  folder = await mkdtemp(join(tmpdir(), "conveyor-serve-"));
});
after(() => rm(folder, { recursive: true, force: true }));

test("serve / says in six lines where it listens, what it keeps, who may come, what it knows and what to do next", async () => {
  const image = await writeShopImage(folder);
  const child = start([
    "serve",
    "--listen",
    "127.0.0.1:0",
    "--store",
    `sqlite:${join(folder, "six.db")}`,
    "--schema",
    image,
  ]);
  let said = "";
  child.stdout?.setEncoding("utf8");
  for await (const text of child.stdout ?? []) {
    said += text;
    if (said.split("\n").length > 6) break;
  }
  child.kill("SIGTERM");
  await once(child, "close");
  assert.equal(child.exitCode, 0);
  const lines = said.trimEnd().split("\n");
  assert.equal(lines.length, 6);
  for (const [index, pattern] of [
    /^conveyor 0\.1\.0 listens on 127\.0\.0\.1:\d+$/,
    /^ {2}store +sqlite, .*six\.db$/,
    /^ {2}durability +every acknowledged change is on disk/,
    /^ {2}auth +none; reachable from this machine alone$/,
    /^ {2}job types +shop\.v1\.\w+, shop\.v1\.\w+, shop\.v1\.\w+ and \d+ more$/,
    /^ {2}next +conveyor enqueue shop\.v1\.\w+ -d '\{\}' --address 127\.0\.0\.1:\d+$/,
  ].entries()) {
    assert.match(lines[index] ?? "", pattern);
  }
});

test("serve / with -o json the first line names the real port", async () => {
  await using broker = await serve(["--store", `sqlite:${join(folder, "json.db")}`]);
  assert.match(broker.address, /^127\.0\.0\.1:[1-9]\d*$/);
  assert.deepEqual(
    [broker.banner.version, broker.banner.loopback, broker.banner.auth, broker.banner.pid],
    ["0.1.0", true, "none", broker.child.pid],
  );
});

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  test(`serve / ${signal} ends it with 0, and what was acknowledged is there at the next start`, async () => {
    const url = `sqlite:${join(folder, `${signal}.db`)}`;
    await using broker = await serve(["--store", url]);
    const args = ["enqueue", "conveyor.v1.Group", "--in", "1h", "--id", "kept"];
    assert.equal((await conveyor([...args, "--address", broker.address])).code, 0);
    assert.deepEqual(await broker.stop(signal), { code: 0, signal: null });
    assert.match(broker.stderr(), new RegExp(`stopping \\(${signal}\\)`));
    await using next = await serve(["--store", url]);
    assert.equal((await conveyor(["job", "show", "kept", "--address", next.address])).code, 0);
  });
}

test("serve / a call that waits is answered before it ends", async () => {
  await using broker = await serve(["--store", `sqlite:${join(folder, "wait.db")}`]);
  await conveyor(["enqueue", "conveyor.v1.Group", "--in", "1h", "--id", "far", "--address", broker.address]);
  const waiting = conveyor(["job", "wait", "far", "--address", broker.address]);
  // The wait has begun when the broker's stop finds it; before that it finds nobody at home. Both are answers.
  assert.deepEqual(await broker.stop(), { code: 0, signal: null });
  assert.equal((await waiting).code, 4);
});

test("serve / goes on, and ends well, when nobody reads its log any more", async () => {
  await using broker = await serve(["--store", `sqlite:${join(folder, "deaf.db")}`], {
    env: { CONVEYOR_LOG: "debug" },
  });
  broker.child.stderr?.destroy();
  broker.child.stdout?.destroy();
  assert.equal((await conveyor(["job", "list", "--address", broker.address])).code, 0);
  assert.deepEqual(await broker.stop(), { code: 0, signal: null });
});

test("serve / ends when the process that started it with a channel dies", { timeout: 30_000 }, async (t) => {
  const main = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
  const args = ["serve", "--listen", "127.0.0.1:0", "--store", `sqlite:${join(folder, "channel.db")}`, "-o", "json"];
  const parent = `
    const { spawn } = require("node:child_process");
    const child = spawn(process.execPath, ${JSON.stringify([main, ...args])}, { stdio: ["ignore", "inherit", "inherit", "ipc"] });
    setInterval(() => undefined, 1000);`;
  const owner = spawn(process.execPath, ["-e", parent], { stdio: ["ignore", "pipe", "pipe"] });
  const [line] = (await once(owner.stdout, "data")) as [Buffer];
  const { address, pid } = JSON.parse(line.toString()) as { address: string; pid: number };
  let over = false;
  t.after(() => over || process.kill(pid, "SIGKILL"));
  // The broker has inherited these pipes: they close with its end, not with its owner's.
  const brokerEnded = once(owner, "close");
  owner.kill("SIGKILL");
  await brokerEnded;
  over = true;
  assert.equal((await conveyor(["job", "list", "--address", address])).code, 4);
});
