import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { HashFileSchema } from "../../gen/manifest/v1/manifest_pb.ts";
import { connect } from "../../src/index.ts";
import { startShopWorker, startWorld, type World } from "./world.ts";

let world: World;
before(async () => {
  world = await startWorld();
});
after(() => world[Symbol.asyncDispose]());

interface JobJson {
  readonly id: string;
  readonly state: string;
  readonly queue: string;
  readonly priority?: number;
  readonly payload: Readonly<Record<string, unknown>>;
  readonly result?: Readonly<Record<string, unknown>>;
  readonly attempts?: readonly { readonly number: number; readonly outcome: string }[];
  readonly [field: string]: unknown;
}

const mail = "shop.v1.SendEmail";

test("enqueue / takes the payload inline, from a file, from stdin and field by field", async () => {
  const payload = '{"to":"a@example.org","worth":"90s","headers":{"x":"1"},"attachments":["aGk="]}';
  await writeFile(join(world.folder, "mail.json"), payload);
  const fields = ["to=a@example.org", "worth=90s", "headers.x=1", "attachments=aGk="].flatMap((field) => ["-f", field]);
  const ways: readonly (readonly [args: readonly string[], stdin?: string])[] = [
    [["-d", payload]],
    [["-d", `@${join(world.folder, "mail.json")}`]],
    [["-d", "-"], payload],
    [fields],
  ];
  for (const [args, stdin = ""] of ways) {
    const { code, stdout, stderr } = await world.conveyor(["enqueue", mail, ...args, "--in", "1h"], { stdin });
    assert.equal(code, 0, stderr);
    const job = await world.json<JobJson>(["job", "show", stdout.trim()]);
    assert.deepEqual(job.payload, { "@type": `type.googleapis.com/${mail}`, ...(JSON.parse(payload) as object) });
  }
});

test("enqueue / options reach the job", async () => {
  const at = `${new Date().getUTCFullYear() + 1}-01-31T08:00:00Z`;
  const options = ["--queue", "urgent", "--priority", "-5", "--max-attempts", "7", "--id", "job-1", "--at", at];
  assert.equal((await world.conveyor(["enqueue", mail, ...options])).code, 0);
  const job = await world.json<JobJson>(["job", "show", "job-1"]);
  assert.deepEqual(
    [job.queue, job.priority, job.maxAttempts, job.state, job.runTime],
    ["urgent", -5, 7, "JOB_STATE_SCHEDULED", at],
  );
  const again = await world.json<{ job: JobJson; deduplicated: boolean }>(["enqueue", mail, ...options]);
  assert.deepEqual([again.job.id, again.deduplicated], ["job-1", true]);
  const other = await world.conveyor(["enqueue", mail, "--id", "job-1", "-f", "to=b"]);
  assert.deepEqual([other.code, /JOB_ID_EXISTS/.test(other.stderr)], [2, true]);
  const first = await world.json<{ job: JobJson }>(["enqueue", mail, "--in", "1h", "--request-id", "r-1"]);
  const second = await world.json<{ job: JobJson }>(["enqueue", mail, "--in", "1h", "--request-id", "r-1"]);
  assert.equal(second.job.id, first.job.id);
});

test("enqueue / what the type does not have is refused with the field's name", async () => {
  for (const [args, says] of [
    [["-f", "tto=x"], /has no such field; did you mean to\?/],
    [["-f", "to"], /name=value/],
    [["-f", "to=a", "-f", "to=b"], /to is given twice/],
    [["-f", "written=yesterday"], /PAYLOAD_INVALID/],
    [["-d", '{"subject":5}'], /PAYLOAD_INVALID.*subject/],
    [["-d", '{"nothing":5}'], /PAYLOAD_INVALID.*nothing/],
  ] as const) {
    const { code, stderr } = await world.conveyor(["enqueue", mail, ...args]);
    assert.equal(code, 2, args.join(" "));
    assert.match(stderr, says);
  }
  for (const args of [
    ["-d", "{}"],
    ["-f", "a=1"],
  ]) {
    const { code, stderr } = await world.conveyor(["enqueue", "no.such.Type", ...args]);
    assert.equal(code, 2);
    assert.match(stderr, /UNKNOWN_JOB_TYPE/);
  }
});

test("enqueue --wait / prints the job with its typed result, and ends with 1 when it failed", async () => {
  await using _worker = startShopWorker(world.broker.address);
  const job = await world.json<JobJson>(["enqueue", mail, "-f", "to=a", "--wait"]);
  assert.equal(job.state, "JOB_STATE_COMPLETED");
  assert.deepEqual(job.result, { "@type": "type.googleapis.com/shop.v1.EmailSent", messageId: "m-1", size: "42" });
  assert.deepEqual(
    job.attempts?.map(({ number, outcome }) => [number, outcome]),
    [[1, "ATTEMPT_OUTCOME_SUCCEEDED"]],
  );

  const dead = await world.conveyor(["enqueue", "shop.v1.Chore", "-f", "script=discard", "--wait"]);
  assert.equal(dead.code, 1, dead.stderr);
  assert.match(dead.stdout, /✗ dead DISCARDED/);
  assert.match(dead.stdout, /RangeError: no such chore: 17/);
  const id = /^id\s+(\S+)/m.exec(dead.stdout)?.[1] ?? "";
  assert.equal((await world.conveyor(["job", "wait", id])).code, 1);
});

test("job show / masks fields that are marked redact, as text and as JSON", async () => {
  const { stdout } = await world.conveyor(["enqueue", mail, "-f", "to=a", "-f", "password=hush", "--in", "1h"]);
  for (const format of ["table", "json", "jsonl"]) {
    const shown = await world.conveyor(["job", "show", stdout.trim(), "-o", format]);
    assert.match(shown.stdout, /"password": ?"\[redacted\]"/);
    assert.ok(!shown.stdout.includes("hush"), format);
  }
});

test("job show / a type that the broker does not know is shown as base64", async () => {
  await using client = connect(world.broker.address);
  const { id } = await client.enqueue(HashFileSchema, { path: "a" });
  const job = await world.json<JobJson>(["job", "show", id]);
  const value = Buffer.from([0x12, 1, 0x61]).toString("base64");
  assert.deepEqual(job.payload, { "@type": "type.googleapis.com/manifest.v1.HashFile", value });
  assert.match((await world.conveyor(["job", "show", id])).stdout, /manifest\.v1\.HashFile/);
});

test("job list / filters, pages and formats", async () => {
  for (const id of ["l-1", "l-2", "l-3"])
    await world.conveyor(["enqueue", mail, "--queue", "listed", "--in", "1h", "--id", id]);
  const { jobs } = await world.json<{ jobs: readonly JobJson[] }>(["job", "list", "--queue", "listed"]);
  assert.deepEqual(
    jobs.map(({ id }) => id),
    ["l-3", "l-2", "l-1"],
  );
  const lines = await world.conveyor([
    "job",
    "list",
    "--queue",
    "listed",
    "--type",
    mail,
    "--state",
    "scheduled",
    "-o",
    "jsonl",
  ]);
  assert.deepEqual(
    lines.stdout
      .trim()
      .split("\n")
      .map((line) => (JSON.parse(line) as JobJson).id),
    ["l-3", "l-2", "l-1"],
  );
  const limited = await world.conveyor(["job", "list", "--queue", "listed", "--limit", "2"]);
  assert.match(limited.stdout, /^ID .*\nl-3 .*◷ scheduled.*\nl-2 .*\n$/);
  assert.match(limited.stderr, /there are more/);
  const none = await world.conveyor(["job", "list", "--queue", "listed", "--state", "dead"]);
  assert.deepEqual([none.code, none.stdout, none.stderr], [0, "", "no jobs match\n"]);
  const { jobs: one } = await world.json<{ jobs: readonly JobJson[] }>(["job", "list", "--root", "l-2"]);
  assert.deepEqual(
    one.map(({ id }) => id),
    ["l-2"],
  );
});

test("job list / ends quietly when the reader of its pipe has gone", async () => {
  await world.conveyor(["enqueue", mail, "--in", "1h"]);
  const { code, stderr } = await world.conveyor(["job", "list", "-o", "jsonl"], { hangUp: true });
  assert.deepEqual([code, stderr], [0, ""]);
});

test("job wait / until its own run was accepted, until its end, or until --timeout", async () => {
  const { job } = await world.json<{ job: JobJson }>([
    "enqueue",
    "shop.v1.MakeAlbum",
    "-f",
    "images=1",
    "--queue",
    "albums",
  ]);
  const early = await world.conveyor(["job", "wait", job.id, "--timeout", "50ms"]);
  assert.equal(early.code, 6);
  assert.match(
    early.stderr,
    new RegExp(`^conveyor: TIMED_OUT: job ${job.id} is still ready after --timeout; it goes on`),
  );
  await world.conveyor(["queue", "pause", "images"]);
  await using _worker = startShopWorker(world.broker.address, { albums: "albums" });
  const ran = await world.json<JobJson>(["job", "wait", job.id, "--until", "ran"]);
  assert.equal(ran.state, "JOB_STATE_AWAITING_CHILDREN");
  await world.conveyor(["queue", "resume", "images"]);
  const done = await world.json<JobJson>(["job", "wait", job.id]);
  assert.equal(done.state, "JOB_STATE_COMPLETED");
});

test("queue / shows, pauses, resumes, limits and sets", async () => {
  interface QueueJson {
    readonly settings?: Readonly<Record<string, unknown>>;
    readonly counts?: readonly unknown[];
  }
  const backoff = ["--backoff", "fixed:5s:10s", "--max-attempts", "3", "--job-timeout", "1m", "--crash-limit", "4"];
  await world.json(["queue", "set", "q", ...backoff]);
  await world.json(["queue", "limit", "q", "10"]);
  const { settings } = await world.json<QueueJson>(["queue", "pause", "q"]);
  assert.deepEqual(settings, {
    paused: true,
    maxConcurrency: 10,
    maxAttempts: 3,
    backoff: { kind: "BACKOFF_KIND_FIXED", initial: "5s", max: "10s", multiplier: 2, jitter: 1 },
    timeout: "60s",
    crashLimit: 4,
  });
  await world.json(["queue", "resume", "q"]);
  await world.json(["queue", "limit", "q", "none"]);
  const cleared = await world.json<QueueJson>(["queue", "set", "q", "--backoff", "none", "--crash-limit", "none"]);
  assert.deepEqual(cleared.settings, { maxAttempts: 3, timeout: "60s" });
  await world.conveyor(["enqueue", mail, "--queue", "q"]);
  const { stdout } = await world.conveyor(["queue", "show", "q"]);
  assert.match(stdout, /^attempts +3$/m);
  assert.match(stdout, /^shop\.v1\.SendEmail +0 {2}1 ○ ready$/m);
});
