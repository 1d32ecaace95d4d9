import type { TestContext } from "node:test";
import { create, type DescMessage, type MessageInitShape } from "@bufbuild/protobuf";
import { anyPack } from "@bufbuild/protobuf/wkt";
import type { Client } from "@grpc/grpc-js";
import type { JobSpecSchema } from "../../gen/conveyor/v1/job_pb.ts";
import { type EnqueueRequestSchema, JobService, type WaitUntil } from "../../gen/conveyor/v1/job_service_pb.ts";
import { QueueService } from "../../gen/conveyor/v1/queue_service_pb.ts";
import { WorkerService } from "../../gen/conveyor/v1/worker_service_pb.ts";
import { ChoreSchema } from "../../gen/shop/v1/shop_pb.ts";
import { type Broker, type BrokerIntervals, type BrokerOptions, createBroker } from "../../src/broker/index.ts";
import { serverDefaults } from "../../src/core/job.ts";
import { openMemoryStore } from "../../src/store/memory/store.ts";
import type { Store } from "../../src/store/store.ts";
import { openChannel } from "../../src/wire/channel.ts";
import { callUnary } from "../../src/wire/unary.ts";
import { greet, type HelloInit, openWorker, type ScriptedWorker } from "./scripted-worker.ts";

/** Short enough for a test, long enough for a busy machine. */
export const quick: Partial<BrokerIntervals> = {
  heartbeatMs: 100,
  calmMs: 200,
  watchdogMs: 60_000,
  sessionTtlMs: 60_000,
  resumeGraceMs: 60_000,
  tickMs: 20,
  pollMs: 100,
  drainMs: 50,
  stopMs: 1_000,
};

/** A broker on a store of its own, with a connection to it. */
export interface World {
  readonly store: Store;
  readonly broker: Broker;
  readonly client: Client;
  readonly call: ReturnType<typeof callsOf>;
  worker(hello?: HelloInit): ReturnType<typeof greet>;
  stream(): ScriptedWorker;
}

export async function startWorld(t: TestContext, options: Partial<BrokerOptions> = {}): Promise<World> {
  const store = options.store ?? (await openMemoryStore({ defaults: serverDefaults }));
  const broker = createBroker({
    store,
    listen: "127.0.0.1:0",
    ...options,
    intervals: { ...quick, ...options.intervals },
  });
  await broker.start();
  const client = openChannel(broker.address, { retries: false });
  t.after(async () => {
    client.close();
    await broker.stop();
    if (options.store === undefined) await store.close();
  });
  return {
    store,
    broker,
    client,
    call: callsOf(client),
    worker: (hello = {}) =>
      greet(client, { subscriptions: [chores], capacity: { seq: 1n, maxInFlight: 100 }, ...hello }),
    stream: () => openWorker(client),
  };
}

export const chores: { readonly queue: string; readonly types: string[] } = {
  queue: "default",
  types: [ChoreSchema.typeName],
};

/** A chore as it is enqueued. */
export function chore(
  script = "",
  spec: MessageInitShape<typeof JobSpecSchema> = {},
): MessageInitShape<typeof JobSpecSchema> {
  return { content: { case: "payload", value: pack(ChoreSchema, { script }) }, ...spec };
}

export function pack<Desc extends DescMessage>(schema: Desc, init: MessageInitShape<Desc>) {
  return anyPack(schema, create(schema, init));
}

function callsOf(client: Client) {
  const enqueue = async (item: MessageInitShape<typeof EnqueueRequestSchema>["item"]) => {
    const { job } = await callUnary(client, JobService.method.enqueue, { ...(item && { item }) });
    if (job === undefined) throw new Error("an answer without a job");
    return job;
  };
  const getJob = async (id: string) => {
    const { job } = await callUnary(client, JobService.method.getJob, { id });
    if (job === undefined) throw new Error("an answer without a job");
    return job;
  };
  return {
    enqueue,
    enqueueChore: (script = "", spec: MessageInitShape<typeof JobSpecSchema> = {}) =>
      enqueue({ case: "job", value: chore(script, spec) }),
    enqueueChores: (count: number, spec: MessageInitShape<typeof JobSpecSchema> = {}) =>
      callUnary(client, JobService.method.enqueueBatch, {
        items: Array.from({ length: count }, (_, index) => ({
          item: { case: "job" as const, value: chore(`${index}`, spec) },
        })),
      }),
    getJob,
    waitJob: (id: string, options: { readonly seconds?: number; readonly until?: WaitUntil } = {}) =>
      callUnary(client, JobService.method.waitJob, {
        id,
        timeout: { seconds: BigInt(options.seconds ?? 15) },
        ...(options.until !== undefined && { until: options.until }),
      }),
    getQueue: async (name: string) => (await callUnary(client, QueueService.method.getQueue, { name })).queue,
    updateQueue: (request: MessageInitShape<typeof QueueService.method.updateQueue.input>) =>
      callUnary(client, QueueService.method.updateQueue, request),
    listChildResults: (request: MessageInitShape<typeof WorkerService.method.listChildResults.input>) =>
      callUnary(client, WorkerService.method.listChildResults, request),
  };
}
