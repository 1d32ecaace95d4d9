import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { create } from "@bufbuild/protobuf";
import { EmailSentSchema, SendEmailSchema } from "../../gen/shop/v1/shop_pb.ts";
import { createWorker } from "../../src/index.ts";
import { type ServedBroker, serve } from "../cli/conveyor.ts";
import { bufCurl, type GenericClient, grpcurl } from "./generic-client.ts";

const root = fileURLToPath(new URL("../../", import.meta.url));
const reflection = "ServerReflection/ServerReflectionInfo";

let folder: string;
let image: string;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), "conveyor-foreign-"));
  image = join(folder, "shop.binpb");
  await promisify(execFile)(join(root, "node_modules/.bin/buf"), ["build", "test/proto", "-o", image], { cwd: root });
});
after(() => rm(folder, { recursive: true, force: true }));

test("generic client / buf curl lists, describes, enqueues typed JSON, waits and reads the typed result", async () => {
  await withBroker(["--schema", image], async (broker) => {
    const bare = await mkdtemp(join(folder, "bare-"));
    await conversation(bufCurl(broker.address, bare), broker.address);
  });
});

test("generic client / grpcurl does the same, where the machine has it", async (t) => {
  await withBroker(["--schema", image], async (broker) => {
    const bare = await mkdtemp(join(folder, "bare-"));
    const client = grpcurl(broker.address, bare);
    if (client === undefined)
      return t.diagnostic("not run: no grpcurl on this machine (CONVEYOR_TEST_GRPCURL names one)");
    await conversation(client, broker.address);
    assert.match(await client.describe("shop.v1.SendEmail"), /conveyor\.v1\.job/);
  });
});

test("generic client / without --schema the user's types are unknown to it", async () => {
  await withBroker([], async (broker) => {
    const client = bufCurl(broker.address, await mkdtemp(join(folder, "bare-")));
    await assert.rejects(conversation(client, broker.address), /shop\.v1\.SendEmail is not described/);
    const payload = { "@type": "type.googleapis.com/shop.v1.SendEmail", to: "a@b.c" };
    await assert.rejects(client.call("conveyor.v1.JobService/Enqueue", { job: { payload } }), /shop\.v1\.SendEmail/);
  });
});

async function withBroker(args: readonly string[], use: (broker: ServedBroker) => Promise<void>): Promise<void> {
  const store = join(await mkdtemp(join(folder, "store-")), "jobs.db");
  await using broker = await serve(["--store", `sqlite:${store}`, ...args]);
  await use(broker);
}

/** What someone does who has nothing but the address and a generic client. */
async function conversation(client: GenericClient, address: string): Promise<void> {
  const services = await client.services();
  for (const name of ["conveyor.v1.JobService", "conveyor.v1.WorkerService", "conveyor.v1.QueueService"]) {
    assert.match(services, new RegExp(name.replaceAll(".", "\\.")));
  }
  for (const name of ["grpc.health.v1.Health", "grpc.reflection.v1.ServerReflection"])
    assert.ok(services.includes(name), name);

  const described = await client.describe("shop.v1.SendEmail");
  for (const field of ["urgency", "attachments", "headers"]) {
    assert.ok(described.includes(field), `shop.v1.SendEmail is not described: ${field}`);
  }

  for (const version of ["v1", "v1alpha"]) {
    const method = `grpc.reflection.${version}.${reflection}`;
    const numbers = await client.call(method, { allExtensionNumbersOfType: "google.protobuf.MessageOptions" });
    assert.match(numbers, /51234/);
    const file = await client.call(method, {
      fileContainingExtension: { containingType: "google.protobuf.MessageOptions", extensionNumber: 51234 },
    });
    assert.match(file, /fileDescriptorProto/);
  }

  const enqueued = record(
    await client.call("conveyor.v1.JobService/Enqueue", {
      job: {
        id: `mail-${client.name.replace(" ", "-")}`,
        payload: {
          "@type": "type.googleapis.com/shop.v1.SendEmail",
          to: "a@b.c",
          urgency: "URGENCY_HIGH",
          written: "2026-01-02T03:04:05Z",
          worth: "90s",
          attachments: ["AAEC"],
          headers: { "X-Shop": "é" },
        },
        priority: 7,
        delay: "0.05s",
        maxAttempts: 9,
        timeout: "45s",
        backoff: { kind: "BACKOFF_KIND_FIXED", initial: "2s" },
        metadata: { trace: "1" },
      },
    }),
  );
  const job = record(enqueued.job);
  const { id } = job;
  assert.equal(job.queue, "mail");
  assert.equal(job.priority, 7);
  assert.equal(job.maxAttempts, 9);

  const stop = new AbortController();
  const working = createWorker(address, { concurrency: 1 })
    .handle(SendEmailSchema, ({ to, attachments }) =>
      create(EmailSentSchema, { messageId: `<1@${to}>`, size: BigInt(attachments[0]?.length ?? 0) }),
    )
    .run({ signal: stop.signal });
  try {
    const waited = record(await client.call("conveyor.v1.JobService/WaitJob", { id, timeout: "20s" }));
    assert.equal(waited.reached, true);
    const got = record(record(await client.call("conveyor.v1.JobService/GetJob", { id })).job);
    assert.equal(got.state, "JOB_STATE_COMPLETED");
    assert.deepEqual(got.result, {
      "@type": "type.googleapis.com/shop.v1.EmailSent",
      messageId: "<1@a@b.c>",
      size: "3",
    });
    const payload = record(got.payload);
    assert.equal(payload.urgency, "URGENCY_HIGH");
    assert.equal(payload.worth, "90s");
    assert.deepEqual(payload.headers, { "X-Shop": "é" });
    assert.deepEqual(got.metadata, { trace: "1" });
  } finally {
    stop.abort();
    await working;
  }
}

function record(value: unknown): Record<string, unknown> {
  const parsed: unknown = typeof value === "string" ? JSON.parse(value) : value;
  assert.ok(typeof parsed === "object" && parsed !== null, `no object: ${String(value)}`);
  return parsed as Record<string, unknown>;
}
