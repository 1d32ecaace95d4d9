// npm start: a broker, a worker and one large chain, each in a process of its own. See README.md.
import { copyFile, mkdir, rename } from "node:fs/promises";
import { join, relative } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ScanFolderJob } from "../../gen/manifest/v1/manifest_jobs.ts";
import type { Manifest } from "../../gen/manifest/v1/manifest_pb.ts";
import { type Conveyor, connect, isConveyorError } from "../../src/index.ts";
import { startBroker } from "./broker-process.ts";
import { fromText, toWire } from "./file-path.ts";
import { filesBelow } from "./folder-entries.ts";
import { type Options, parseOptions } from "./options.ts";
import { type OwnedProcess, startProcess } from "./processes.ts";
import { type LookAtProgress, progressOf } from "./progress.ts";
import { type ProgressView, progressView } from "./progress-view.ts";
import { openRunFolder } from "./run-folder.ts";
import { writeSchemaImage } from "./schema-image.ts";
import { stopWish } from "./stop-wish.ts";
import { verifyManifest } from "./verify.ts";
import { whatNext } from "./what-next.ts";

const lookMs = 200;
const failuresShown = 5;

async function main(): Promise<void> {
  const options = parseOptions(process.argv.slice(2));
  using stop = stopWish();
  try {
    await run(options, stop);
  } catch (error) {
    // What broke because of the stop says less than why it was stopped.
    throw stop.aborted ? stop.reason : error;
  }
}

async function run(options: Options, stop: AbortSignal): Promise<void> {
  const workFolder = join(options.root, ".conveyor");
  await using work = await openRunFolder(workFolder, { keep: !options.once });
  const schema = join(work.path, "schema.binpb");
  await writeSchemaImage(schema);

  const store = `sqlite:${join(work.path, "conveyor.db")}`;
  await using broker = await startBroker({ store, schema }, () => say("port 2668 is in use: taking a free one"));
  say(`broker  ${broker.address}, ${relative(options.root, store.slice("sqlite:".length))}`);
  await using worker = startProcess("the worker", "examples/manifest/worker.ts", [
    broker.address,
    join(work.path, "manifests"),
  ]);
  await worker.firstLine;
  say(`worker  runs ScanFolder, HashFile and MergeManifest`);

  const lost = Promise.race([loss(broker.process), loss(worker)]);
  lost.catch(() => undefined);
  const { id, manifest } = await Promise.race([makeManifest(broker.address, options, stop), lost]);
  const path = await publish(manifest, workFolder, options);
  const checkedBy = await check(manifest, join(options.root, path), options, stop);
  say(`checked by ${checkedBy}`);
  say(`verified ${manifest.count} files: ${path}`);
  if (options.once) return;
  say(whatNext({ address: broker.address, id, path }));
  await Promise.race([aborted(stop), lost]);
}

/** Enqueues the chain and shows it run to its end. */
async function makeManifest(address: string, { root, folder }: Options, stop: AbortSignal) {
  await using conveyor = connect(address);
  const payload = { root, ...toWire(fromText(folder)) };
  const job = await conveyor.enqueue(ScanFolderJob, payload, { signal: stop });
  say(`chain   ${job.id}: ScanFolder ${folder}`);
  const look = progressOf(conveyor, job.id);
  const view = progressView(process.stdout);
  const over = new AbortController();
  const watching = watch(look, view, AbortSignal.any([over.signal, stop]));
  try {
    const manifest = await job.result({ signal: stop });
    view.show(await look(stop));
    return { id: job.id, manifest };
  } catch (error) {
    if (!(isConveyorError(error) && error.code === "JOB_FAILED")) throw error;
    throw new Error(await failureText(conveyor, job.id), { cause: error });
  } finally {
    over.abort();
    await watching;
    view.end();
  }
}

async function watch(look: LookAtProgress, view: ProgressView, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    // What cannot be read now may be read next time; a broker that is gone is noticed by its process.
    const progress = await look(signal).catch(() => undefined);
    if (progress !== undefined && !signal.aborted) view.show(progress);
    await sleep(lookMs, undefined, { signal }).catch(() => undefined);
  }
}

/** What failed below a chain that did not end well. */
async function failureText(conveyor: Conveyor, rootId: string): Promise<string> {
  const lines = [`the chain ${rootId} failed`];
  for await (const { id, type, attempts } of conveyor.list({ rootId, states: ["DEAD"], full: true })) {
    const error = attempts.findLast((attempt) => attempt.error !== undefined)?.error;
    lines.push(`  ${type} ${id}: ${error?.message ?? "it gave no reason"}`);
    if (lines.length > failuresShown) break;
  }
  return lines.join("\n");
}

/** Puts the manifest where it stays after this run: a path relative to the project's folder. */
async function publish(manifest: Manifest, workFolder: string, { root, folder }: Options): Promise<string> {
  await mkdir(workFolder, { recursive: true });
  const name = folder.replaceAll(/[^A-Za-z0-9._-]+/g, "-").replace(/^[-.]+/, "") || "folder";
  const path = join(workFolder, `${name}.sha256`);
  await copyFile(manifest.manifestPath, `${path}.part`);
  await rename(`${path}.part`, path);
  return relative(root, path);
}

async function check(manifest: Manifest, path: string, { root, folder }: Options, stop: AbortSignal): Promise<string> {
  const checkedBy = await verifyManifest(path, root);
  const found = await filesBelow(root, fromText(folder), stop);
  if (found.length !== Number(manifest.count)) {
    throw new Error(
      `the manifest holds ${manifest.count} files, but ${folder} has ${found.length}: it changed meanwhile`,
    );
  }
  return checkedBy;
}

/** Resolves when the signal aborts. */
function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

async function loss(child: OwnedProcess): Promise<never> {
  const status = await child.ended;
  throw new Error(`${child.name} ended (${status ?? "by a signal"}): ${child.lastWords() || "it said nothing"}`);
}

function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

try {
  await main();
} catch (error) {
  process.exitCode = 1;
  console.error(`npm start failed: ${error instanceof Error ? error.message : String(error)}`);
}
