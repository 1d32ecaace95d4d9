// What a store loses under which setting when its process, or the broker's, is killed with -9: the rows of docs/stores.md that a
// machine can try by itself. A cut of the power it cannot.
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { serverDefaults } from "../../../src/core/job.ts";
import { openStore } from "../../../src/embedded/open-store.ts";
import type { Store } from "../../../src/store/store.ts";
import { exitOnSignals, spawnScript } from "../process/spawned.ts";
import { postgresRows } from "./postgres-rows.ts";
import { redisRows } from "./redis-rows.ts";
import type { Row } from "./scene.ts";
import { sqliteRows } from "./sqlite-rows.ts";

const acksDefault = 300;
const writerScript = fileURLToPath(new URL("writer.ts", import.meta.url));

exitOnSignals();
const [pattern = ""] = process.argv.slice(2);
const rows = [...sqliteRows, ...postgresRows, ...redisRows].filter(({ name }) =>
  name.toLowerCase().includes(pattern.toLowerCase()),
);
const folder = mkdtempSync(path.join(tmpdir(), "conveyor-loss-"));
chmodSync(folder, 0o755); // a server may run as another account than ours
const wrong: string[] = [];
for (const [index, row] of rows.entries()) {
  const { acknowledged, lost } = await tried(row, path.join(folder, String(index)));
  console.log(`${row.name}: ${lost} of ${acknowledged} acknowledged jobs lost`);
  if (lost > 0 !== (row.expects === "something")) wrong.push(row.name);
}
if (wrong.length === 0 && rows.length > 0) {
  rmSync(folder, { recursive: true, force: true });
  console.log(`PASS loss: ${rows.length} settings are as the table says`);
} else {
  console.log(`FAIL loss: ${wrong.join("; ") || `no row has "${pattern}" in its name`}; see ${folder}`);
  process.exitCode = 1;
}

async function tried(row: Row, rowFolder: string): Promise<{ readonly acknowledged: number; readonly lost: number }> {
  mkdirSync(rowFolder, { mode: 0o755 });
  await using scene = await row.open(rowFolder);
  const writer = spawnScript(writerScript, [scene.url], {
    name: "writer",
    logFile: path.join(rowFolder, "writer.log"),
  });
  const acknowledged: string[] = [];
  const waiting = new Set<() => void>();
  writer.onLine((line) => {
    if (!line.startsWith("ack ")) return;
    acknowledged.push(line.slice(4));
    for (const look of [...waiting]) look();
  });
  const kill = async () => {
    writer.kill("SIGKILL");
    await writer.ended;
  };
  const acks = (count: number) =>
    new Promise<void>((resolve, reject) => {
      const look = () => {
        if (acknowledged.length < count) return;
        waiting.delete(look);
        resolve();
      };
      waiting.add(look);
      look();
      void writer.ended.then((how) => reject(new Error(`the writer ended by itself (${how}); see ${rowFolder}`)));
    });
  const { acksBefore = acksDefault } = scene;
  await acks(acksBefore);
  await scene.prepare?.();
  await acks(acknowledged.length + acksBefore);
  await scene.strike({ kill });
  await kill();
  const store = await openStore(await scene.recover(), { defaults: serverDefaults, allowLossy: true });
  try {
    return { acknowledged: acknowledged.length, lost: await missing(store, acknowledged) };
  } finally {
    await store.close();
  }
}

async function missing(store: Store, ids: readonly string[]): Promise<number> {
  let lost = 0;
  for (let at = 0; at < ids.length; at += 1_000) {
    // They come from our own clients' answers.
    const page = ids.slice(at, at + 1_000) as unknown as Parameters<Store["getStatuses"]>[0];
    lost += (await store.getStatuses(page)).filter((status) => status === undefined).length;
  }
  return lost;
}
