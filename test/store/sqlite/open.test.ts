import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile, symlink, truncate, writeFile } from "node:fs/promises";
import { test } from "node:test";
import Database from "better-sqlite3";
import { serverDefaults } from "../../../src/core/job.ts";
import type { QueueName } from "../../../src/core/names.ts";
import { openStore } from "../../../src/embedded/open-store.ts";
import { openSqliteStore } from "../../../src/store/sqlite/store.ts";
import { withFile } from "./world.ts";

const options = { defaults: serverDefaults };

test("open / a URL names the store, and any other is refused with the forms there are", async () => {
  for (const url of ["", "sqlite", "sqlite:", "mysql://me:secret@db/jobs", "jobs.db", "memory"]) {
    await assert.rejects(openStore(url, options), (error: Error & { code?: string }) => {
      assert.equal(error.code, "INVALID_OPTION");
      assert.match(error.message, /sqlite:PATH.*:memory:/);
      assert.doesNotMatch(error.message, /secret/);
      return true;
    });
  }
  await using memory = {
    store: await openStore(":memory:", options),
    [Symbol.asyncDispose]: () => memory.store.close(),
  };
  assert.equal(memory.store.description.kind, "memory");
});

test("open / settings of the URL are checked, and one that can lose acknowledged jobs has to be allowed", () =>
  withFile(async (file) => {
    await assert.rejects(openStore(`sqlite:${file}?sync=off`, options), { code: "INVALID_OPTION", message: /"sync"/ });
    await assert.rejects(openStore(`sqlite:${file}?synchronous=of`, options), { code: "INVALID_OPTION" });
    await assert.rejects(openStore(`sqlite:${file}?synchronous=normal`, options), { code: "STORE_LOSSY" });
    const lossy = await openStore(`sqlite:${file}?synchronous=OFF`, { ...options, allowLossy: true });
    assert.match(lossy.description.durability, /OFF/);
    await lossy.close();
    const full = await openStore(`sqlite:${file}?synchronous=full`, options);
    assert.match(full.description.durability, /FULL/);
    await full.close();
  }));

test("open / a second store on the file is refused, through a link too, until the first is closed", () =>
  withFile(async (file) => {
    const first = await openSqliteStore(file, options);
    await symlink(file, `${file}.link`);
    for (const path of [file, `${file}.link`]) {
      await assert.rejects(openSqliteStore(path, options), { code: "STORE_IN_USE", message: /jobs\.db is in use/ });
    }
    assert.equal(await fromAnotherProcess(file), "STORE_IN_USE");
    await first.close();
    assert.equal(await fromAnotherProcess(file), "open");
  }));

test("open / kill -9 of the broker frees the file at once, with what was acknowledged (56)", () =>
  withFile(async (file) => {
    const child = spawn(
      process.execPath,
      ["--input-type=module-typescript", "-e", opener(file, "await new Promise(() => setInterval(() => {}, 1e6))")],
      {
        stdio: ["ignore", "pipe", "inherit"],
      },
    );
    try {
      const [said] = await once(child.stdout, "data");
      assert.equal(String(said).trim(), "open");
      await assert.rejects(openSqliteStore(file, options), { code: "STORE_IN_USE" });
    } finally {
      child.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
    }
    const store = await openSqliteStore(file, options);
    assert.equal((await store.getQueue("made-by-child" as QueueName))?.settings.paused, true);
    await store.close();
  }));

test("open / a file that is damaged, no database, another program's or newer is refused and left as it is (70)", () =>
  withFile(async (file) => {
    await writeFile(`${file}.txt`, "somebody's notes\n".repeat(300));
    await refused(`${file}.txt`, "STORE_CORRUPT", /not a SQLite database/);

    const foreign = new Database(`${file}.foreign`);
    foreign.exec("CREATE TABLE note (text)");
    foreign.close();
    await refused(`${file}.foreign`, "STORE_CORRUPT", /another program/);

    await (await openSqliteStore(file, options)).close();
    const newer = new Database(file);
    newer.pragma("user_version = 2");
    newer.close();
    await refused(file, "STORE_TOO_NEW", /schema 2/);

    await (await openSqliteStore(`${file}.cut`, options)).close();
    await truncate(`${file}.cut`, 5 * 4_096);
    await refused(`${file}.cut`, "STORE_CORRUPT", /damaged/);
  }));

async function refused(file: string, code: string, message: RegExp): Promise<void> {
  const before = await readFile(file);
  await assert.rejects(openSqliteStore(file, options), { code, message });
  assert.deepEqual(await readFile(file), before);
}

/** What a process of its own says when it opens the file: `open`, or the error's code. */
async function fromAnotherProcess(file: string): Promise<string> {
  const child = spawn(process.execPath, ["--input-type=module-typescript", "-e", opener(file, "")], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const said: Buffer[] = [];
  child.stdout.on("data", (data: Buffer) => said.push(data));
  await once(child, "close");
  return Buffer.concat(said).toString().trim();
}

function opener(file: string, then: string): string {
  const module = JSON.stringify(new URL("../../../src/store/sqlite/store.ts", import.meta.url).href);
  const job = JSON.stringify(new URL("../../../src/core/job.ts", import.meta.url).href);
  return `
    import { openSqliteStore } from ${module};
    import { serverDefaults } from ${job};
    try {
      const store = await openSqliteStore(${JSON.stringify(file)}, { defaults: serverDefaults });
      await store.updateQueue("made-by-child", { paused: true });
      console.log("open");
      ${then}
    } catch (error) {
      console.log(error.code);
    }`;
}
