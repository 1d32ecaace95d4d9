import assert from "node:assert/strict";
import { execFile, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { chmod, cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { type ServedBroker, serve } from "../cli/conveyor.ts";

const repository = fileURLToPath(new URL("../..", import.meta.url));
const run = promisify(execFile);

let readme: string;
let folder: string;
let broker: ServedBroker;

/** The fenced blocks of a language; those of files begin with a comment that names the file. */
function blocks(language: string): readonly string[] {
  return [...readme.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, "gm"))].map(
    (match) => match[1] ?? "",
  );
}

/** A project of a user, with the README's files, in which this repository is installed as the package. */
before(async () => {
  readme = await readFile(join(repository, "README.md"), "utf8");
  folder = await mkdtemp(join(tmpdir(), "conveyor-readme-"));
  for (const block of ["proto", "ts", "yaml"].flatMap(blocks)) {
    const path = /^(?:\/\/|#) (\S+)\n/.exec(block)?.[1] ?? assert.fail(`a block names no file: ${block}`);
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(
      join(folder, path),
      block.replace('"conveyor-jobs"', JSON.stringify(join(repository, "src/index.ts"))),
    );
  }
  await cp(join(repository, "proto"), join(folder, "node_modules", "conveyor-jobs", "proto"), { recursive: true });
  await symlink(join(repository, "node_modules", "@bufbuild"), join(folder, "node_modules", "@bufbuild"));
  await writeFile(join(folder, "package.json"), '{"type":"module"}');
  await mkdir(join(folder, "bin"));
  await writeFile(
    join(folder, "bin", "conveyor"),
    `#!/bin/sh\nexec "${process.execPath}" "${repository}src/cli/main.ts" "$@"\n`,
  );
  await chmod(join(folder, "bin", "conveyor"), 0o755);
  for (const command of commands(/^buf (generate|build)/)) await shell(command);
  broker = await serve(["--store", `sqlite:${join(folder, "jobs.db")}`, "--schema", join(folder, "schema.binpb")]);
  for (const script of ["worker.ts", "producer.ts"]) {
    const path = join(folder, script);
    await writeFile(path, (await readFile(path, "utf8")).replaceAll("localhost:2668", broker.address));
  }
});

after(async () => {
  await broker[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

function commands(pattern: RegExp): readonly string[] {
  const lines = blocks("sh")
    .flatMap((block) => block.trim().split("\n"))
    .filter((line) => pattern.test(line));
  assert.ok(lines.length > 0, String(pattern));
  return lines;
}

/** Runs a line of the README in the user's project. */
async function shell(line: string): Promise<string> {
  const path = [
    join(folder, "bin"),
    join(repository, "node_modules", ".bin"),
    dirname(process.execPath),
    process.env.PATH,
  ];
  const address = broker?.address ?? "";
  const env = { ...process.env, PATH: path.join(delimiter), CONVEYOR_ADDRESS: address };
  const { stdout } = await run("sh", ["-c", line.replaceAll("localhost:2668", address)], { cwd: folder, env });
  return stdout;
}

test("README / the worker and the producer run as they stand there", async () => {
  const worker = spawn(process.execPath, ["worker.ts"], { cwd: folder, stdio: ["ignore", "inherit", "inherit"] });
  try {
    const { stdout } = await run(process.execPath, ["producer.ts"], { cwd: folder });
    assert.equal(stdout, "holiday: holiday/cat.jpg, holiday/dog.jpg\n");
    for (const line of commands(/^conveyor (?!serve)/)) assert.ok((await shell(line)) !== undefined, line);
  } finally {
    worker.kill("SIGTERM");
    await once(worker, "close");
  }
  assert.equal(worker.exitCode, 0, "the worker ends well on SIGTERM");
});

test("README / its TypeScript compiles under strict rules", async () => {
  const compilerOptions = {
    target: "es2022",
    lib: ["es2023", "esnext.disposable"],
    module: "nodenext",
    types: ["node"],
    typeRoots: [join(repository, "node_modules", "@types")],
    strict: true,
    noEmit: true,
    skipLibCheck: true,
    allowImportingTsExtensions: true,
    exactOptionalPropertyTypes: true,
    noUncheckedIndexedAccess: true,
  };
  await writeFile(
    join(folder, "tsconfig.json"),
    JSON.stringify({ compilerOptions, files: ["worker.ts", "producer.ts"] }),
  );
  await shell("tsc -p tsconfig.json");
});

test("README / buf curl enqueues typed JSON with nothing but the address", async () => {
  for (const line of commands(/^buf curl/)) {
    const { job } = JSON.parse(await shell(line)) as { job: { type: string; priority: number } };
    assert.deepEqual([job.type, job.priority], ["photos.v1.ResizeImage", 5]);
  }
});

test("README / grpcurl, or buf curl in its place where there is none", async () => {
  const lines = commands(/^grpcurl/);
  assert.ok(lines.length > 0);
  for (const line of lines) await shell(hasGrpcurl() ? line : asBufCurl(line));
});

function hasGrpcurl(): boolean {
  return spawnSync("grpcurl", ["-version"]).status === 0;
}

/** The same question to the broker: another client that finds all it needs by reflection. */
function asBufCurl(line: string): string {
  const [, data, address, rest = ""] = /^grpcurl -plaintext (?:-d ('.*') )?(\S+) (.*)$/.exec(line) ?? assert.fail(line);
  const curl = "buf curl --protocol grpc --http2-prior-knowledge";
  if (data !== undefined) return `${curl} --data ${data} http://${address}/${rest}`;
  if (rest === "list") return `${curl} --list-services http://${address}`;
  // It describes no message, but it needs the description to read one from JSON.
  const type = /^describe (\S+)$/.exec(rest)?.[1] ?? assert.fail(line);
  const job = `{"job": {"payload": {"@type": "type.googleapis.com/${type}"}}}`;
  return `${curl} --data '${job}' http://${address}/conveyor.v1.JobService/Enqueue`;
}

test("README / every serve flag and command of its table exists", async () => {
  const help = await shell("conveyor help");
  for (const [, group = "", rest = ""] of readme.matchAll(/^\| `conveyor (\w+) ?([^|]*)\|/gm)) {
    const words = [...rest.matchAll(/\b(list|show|wait|pause|resume|limit|set|help)\b/g)].map(
      ([word]) => `${group} ${word}`,
    );
    for (const name of words.length === 0 || group === "version" ? [group] : words)
      assert.match(help, new RegExp(`^  ${name} `, "m"));
  }
  const [serveRow = ""] = /^\| `conveyor serve`.*$/m.exec(readme) ?? [];
  const serveHelp = await shell("conveyor help serve");
  for (const [flag] of serveRow.matchAll(/--[a-z-]+/g)) assert.ok(serveHelp.includes(flag), flag);
});
