import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { hashFile } from "../../examples/manifest/hash-file.ts";
import { mergeManifest } from "../../examples/manifest/merge-manifest.ts";
import { scanFolder } from "../../examples/manifest/scan-folder.ts";
import { HashFileJob, manifestJobs, ScanFolderJob } from "../../gen/manifest/v1/manifest_jobs.ts";
import { type Broker, createBroker } from "../../src/broker/index.ts";
import { serverDefaults } from "../../src/core/job.ts";
import { openStore } from "../../src/embedded/open-store.ts";
import { type Conveyor, connect, createWorker, type Worker } from "../../src/index.ts";
import type { Store } from "../../src/store/store.ts";
import { makeDeepFolder, makeSmallTree, makeWideFolder } from "./small-tree.ts";

let root: string;
let store: Store;
let broker: Broker;
let worker: Worker;
let running: Promise<void>;
let client: Conveyor;

before(async () => {
  root = await mkdtemp(join(tmpdir(), "conveyor-manifest-"));
  await mkdir(join(root, "tree"));
  store = await openStore(`sqlite:${join(root, "jobs.db")}`, { defaults: serverDefaults });
  broker = createBroker({ store, listen: "127.0.0.1:0" });
  await broker.start();
  worker = createWorker(broker.address, { concurrency: 16 }).handleAll(manifestJobs, {
    scanFolder,
    hashFile,
    mergeManifest: mergeManifest(join(root, "manifests")),
  });
  running = worker.run();
  client = connect(broker.address);
});

after(async () => {
  await client.close();
  await worker.stop();
  await running;
  await broker.stop();
  await store.close();
  await rm(root, { recursive: true, force: true });
});

/** Makes the manifest of a folder and holds it to what find and sha256sum say. */
async function makeManifest(folder: string) {
  const job = await client.enqueue(ScanFolderJob, { root, path: folder });
  const manifest = await job.result({ signal: AbortSignal.timeout(60_000) });
  const found = execFileSync("find", [folder, "-type", "f", "-print0"], { cwd: root, encoding: "latin1" });
  const paths = found.split("\0").slice(0, -1);
  assert.equal(Number(manifest.count), paths.length);
  if (paths.length > 0) execFileSync("sha256sum", ["-c", "--quiet", "--strict", manifest.manifestPath], { cwd: root });
  const lines = (await readFile(manifest.manifestPath, "latin1")).split("\n").slice(0, -1);
  assert.equal(lines.length, paths.length);
  return { id: job.id, manifest, lines };
}

test("manifest / holds every regular file of a tree with odd names and empty folders, and nothing else", async () => {
  await mkdir(join(root, "tree", "odd"));
  await makeSmallTree(join(root, "tree", "odd"));
  const { lines, manifest } = await makeManifest("tree/odd");
  const names = lines.filter((line) => !line.startsWith("\\")).map((line) => line.slice(66));
  assert.deepEqual(names.toSorted(byByte), names, "sorted by the bytes of the path");
  // sha256sum writes the same bytes, escapes included.
  const found = execFileSync("sh", ["-c", "find tree/odd -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum"], {
    cwd: root,
  });
  assert.ok(found.equals(await readFile(manifest.manifestPath)));
});

test("manifest / of an empty folder is an empty file", async () => {
  await mkdir(join(root, "tree", "nothing"));
  const { manifest } = await makeManifest("tree/nothing");
  assert.equal(manifest.sha256, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
});

test("manifest / splits a folder of more files than one result may declare", async () => {
  await makeWideFolder(join(root, "tree", "wide"), 2_345);
  const { id } = await makeManifest("tree/wide");
  const { nodes } = await client.chain(id);
  const slices = nodes.filter(({ type, depth }) => type === ScanFolderJob.name && depth === 1);
  assert.equal(slices.length, 3);
  const files = nodes.filter(({ type, depth }) => type === HashFileJob.name && depth === 2);
  assert.equal(
    files.reduce((sum, { count }) => sum + count, 0),
    2_345,
  );
});

test("manifest / of a tree with more levels than a chain may have", async () => {
  await makeDeepFolder(join(root, "tree", "deep"), 80);
  const { id } = await makeManifest("tree/deep");
  const { nodes } = await client.chain(id);
  assert.ok(Math.max(...nodes.map(({ depth }) => depth)) <= 64);
});

test("manifest / a folder that is not there ends the chain dead, and says why", async () => {
  const job = await client.enqueue(ScanFolderJob, { root, path: "tree/none" }, { maxAttempts: 1 });
  await assert.rejects(job.result(), { code: "JOB_FAILED", message: /ENOENT/ });
});

function byByte(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
