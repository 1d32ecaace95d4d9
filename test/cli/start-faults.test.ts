import assert from "node:assert/strict";
import { chmod, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import Database from "better-sqlite3";
import { conveyor, type Ended, type RunOptions, serve } from "./conveyor.ts";
import { type SteadyJobs, steadyJobs } from "./steady-jobs.ts";
import { startWorld, type World } from "./world.ts";

/** A broker that has nothing to do with the faults, and runs jobs all the while. */
let world: World;
let jobs: SteadyJobs;
before(async () => {
  world = await startWorld();
  jobs = steadyJobs(world.broker.address);
});
after(async () => {
  await jobs.stop();
  await world[Symbol.asyncDispose]();
});

/** Starts a broker that must not start: ends with 7, the reason on stderr, and nothing on stdout. */
async function refused(args: readonly string[], reason: RegExp, options: RunOptions = {}): Promise<Ended> {
  const ended = await conveyor(["serve", "--listen", "127.0.0.1:0", ...args], options);
  assert.equal(ended.code, 7, ended.stderr);
  assert.match(ended.stderr, reason);
  assert.equal(ended.stdout, "");
  return ended;
}

async function inFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), "conveyor-fault-"));
  try {
    await work(folder);
  } finally {
    await chmod(folder, 0o755);
    await rm(folder, { recursive: true, force: true });
  }
}

/** Makes a store with one job in it, and answers with its URL. */
async function storeWithJob(folder: string): Promise<string> {
  const url = `sqlite:${join(folder, "jobs.db")}`;
  await using broker = await serve(["--store", url]);
  const { code } = await conveyor([
    "enqueue",
    "conveyor.v1.Group",
    "--id",
    "kept",
    "--in",
    "1h",
    "--address",
    broker.address,
  ]);
  assert.equal(code, 0);
  await broker.stop();
  return url;
}

test("start fault / a damaged database file is refused and left as it is", () =>
  inFolder(async (folder) => {
    const url = await storeWithJob(folder);
    const file = join(folder, "jobs.db");
    const bytes = await readFile(file);
    bytes.fill(0xa5, 4_096, Math.min(bytes.length, 40_960));
    await writeFile(file, bytes);
    await refused(["--store", url], /^conveyor: STORE_CORRUPT: .*jobs\.db/);
    assert.deepEqual(await readFile(file), bytes);
  }));

test("start fault / a file that is no database is refused and left as it is", () =>
  inFolder(async (folder) => {
    const file = join(folder, "notes.txt");
    await writeFile(file, "not a database, but somebody's notes\n".repeat(100));
    await refused(["--store", `sqlite:${file}`], /^conveyor: STORE_CORRUPT: .*notes\.txt/);
    assert.match(await readFile(file, "utf8"), /^not a database/);
  }));

test("start fault / another program's database is refused and left as it is", () =>
  inFolder(async (folder) => {
    const file = join(folder, "other.db");
    const db = new Database(file);
    db.exec("CREATE TABLE theirs (id INTEGER)");
    db.close();
    await refused(["--store", `sqlite:${file}`], /^conveyor: STORE_CORRUPT: .*another program/);
  }));

test("start fault / a read-only folder", () =>
  inFolder(async (folder) => {
    const closed = join(folder, "closed");
    await mkdir(closed);
    await chmod(closed, 0o555);
    const url = `sqlite:${join(closed, "jobs.db")}`;
    await refused(["--store", url], /^conveyor: STORE_READ_ONLY: .*jobs\.db/, { isBound: true });
  }));

test("start fault / a path that leads through a file, or into no folder", () =>
  inFolder(async (folder) => {
    await writeFile(join(folder, "file"), "");
    await refused(["--store", `sqlite:${join(folder, "file", "jobs.db")}`], /^conveyor: STORE_[A-Z_]+: .*jobs\.db/);
    await refused(
      ["--store", `sqlite:${join(folder, "none", "jobs.db")}`],
      /^conveyor: STORE_UNAVAILABLE: .*no folder/,
    );
    await refused(["--store", `sqlite:${folder}`], /^conveyor: STORE_UNAVAILABLE: .*not a file/);
  }));

test("start fault / a second broker on the file is refused, and the first goes on", () =>
  inFolder(async (folder) => {
    const url = `sqlite:${join(folder, "jobs.db")}`;
    await using first = await serve(["--store", url]);
    await refused(["--store", url], /^conveyor: STORE_IN_USE: .*jobs\.db/);
    const job = await conveyor(["enqueue", "conveyor.v1.Group", "--wait", "--address", first.address]);
    assert.equal(job.code, 0, job.stderr);
    // The lock frees itself, even when its broker had no time to say goodbye.
    await first.stop("SIGKILL");
    await using second = await serve(["--store", url]);
    assert.equal((await conveyor(["job", "list", "--address", second.address])).code, 0);
  }));

test("start fault / a store that a newer Conveyor has written", () =>
  inFolder(async (folder) => {
    const url = await storeWithJob(folder);
    const db = new Database(join(folder, "jobs.db"));
    db.pragma("user_version = 4711");
    db.close();
    await refused(["--store", url], /^conveyor: STORE_TOO_NEW: .*4711/);
  }));

test("start fault / a store that can lose acknowledged jobs, unless --allow-lossy", () =>
  inFolder(async (folder) => {
    const url = `sqlite:${join(folder, "jobs.db")}?synchronous=off`;
    await refused(["--store", url], /^conveyor: STORE_LOSSY: .*--allow-lossy/);
    await using broker = await serve(["--store", url, "--allow-lossy"]);
    assert.match(JSON.stringify(broker.banner.store), /power cut can/);
  }));

test("start fault / a port in use, and the store is free again at once", () =>
  inFolder(async (folder) => {
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    const address = taken.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    const url = `sqlite:${join(folder, "jobs.db")}`;
    try {
      const ended = await conveyor(["serve", "--store", url, "--listen", `127.0.0.1:${address.port}`, "-o", "json"]);
      assert.equal(ended.code, 7, ended.stderr);
      assert.equal((JSON.parse(ended.stderr) as { error: { code: string } }).error.code, "ADDRESS_IN_USE");
    } finally {
      taken.close();
    }
    await using broker = await serve(["--store", url]);
    assert.match(broker.address, /^127\.0\.0\.1:\d+$/);
  }));

test("start fault / an address beyond this machine, unless --insecure", () =>
  inFolder(async (folder) => {
    const args = ["--store", `sqlite:${join(folder, "jobs.db")}`, "--listen", "0.0.0.0:0"];
    const ended = await conveyor(["serve", ...args]);
    assert.equal(ended.code, 7, ended.stderr);
    assert.match(ended.stderr, /^conveyor: ADDRESS_UNSAFE: /);
  }));

test("start fault / a --schema that is missing, is no image, or contradicts another", () =>
  inFolder(async (folder) => {
    const store = ["--store", `sqlite:${join(folder, "jobs.db")}`];
    await refused(
      [...store, "--schema", join(folder, "none.binpb")],
      /^conveyor: SCHEMA_INCOMPATIBLE: .*none\.binpb.*ENOENT/,
    );
    await writeFile(join(folder, "shop.proto"), 'syntax = "proto3";\nmessage A {}\n');
    await refused(
      [...store, "--schema", join(folder, "shop.proto")],
      /^conveyor: SCHEMA_INCOMPATIBLE: .*shop\.proto.*buf build/,
    );
  }));
