import assert from "node:assert/strict";
import { createServer, type Socket } from "node:net";
import { test } from "node:test";
import { JobService } from "../../gen/conveyor/v1/job_service_pb.ts";
import { ConveyorError, isConveyorError } from "../../src/core/errors.ts";
import { type Channels, openChannels } from "../../src/wire/channels.ts";
import { serviceDefinition } from "../../src/wire/service-definition.ts";
import { handleUnary } from "../../src/wire/unary-handler.ts";
import { type LocalServer, localServer } from "./local-server.ts";

const { getJob } = JobService.method;

/** A server that answers with its name, or with what `answer` throws. */
function named(name: string, answer: () => void = () => undefined): Promise<LocalServer> {
  const handler = handleUnary(
    getJob,
    async () => {
      answer();
      return { job: { id: name } };
    },
    () => undefined,
  );
  const { enqueue, enqueueBatch, listJobs, getChain, waitJob } = serviceDefinition(JobService);
  return localServer((server) => {
    server.addService(serviceDefinition(JobService), {
      ...Object.fromEntries(
        Object.keys({ enqueue, enqueueBatch, listJobs, getChain, waitJob }).map((key) => [key, handler]),
      ),
      getJob: handler,
    });
  });
}

/** Takes connections and never says a word. */
async function muteServer(): Promise<AsyncDisposable & { readonly address: string }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => sockets.add(socket));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const address = server.address();
  assert.ok(address !== null && typeof address === "object");
  return {
    address: `127.0.0.1:${address.port}`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

/** The name of the server that answers, or the code of what comes instead. */
async function ask(channels: Channels, signal?: AbortSignal): Promise<string> {
  try {
    const { job } = await channels.call(getJob, { id: "x" }, { signal, timeoutMs: 10_000 });
    return job?.id ?? "";
  } catch (error) {
    assert.ok(isConveyorError(error), String(error));
    return error.code;
  }
}

const first = () => 0;

test("channels / all calls go to one of the brokers", async () => {
  await using a = await named("a");
  await using b = await named("b");
  const channels = openChannels([a.address, b.address], { random: first });
  for (let calls = 0; calls < 5; calls += 1) assert.equal(await ask(channels), "a");
  channels.close();
  assert.equal(await ask(channels), "CLOSED");
});

test("channels / which one is drawn", async () => {
  await using a = await named("a");
  await using b = await named("b");
  const channels = openChannels([a.address, b.address], { random: () => 0.7 });
  assert.equal(await ask(channels), "b");
  channels.close();
});

for (const code of ["STORE_UNAVAILABLE", "DRAINING", "SERVER_BUSY"] as const) {
  test(`channels / ${code} moves them on to the next, and those that failed beside it move them no further`, async () => {
    await using a = await named("a", () => {
      throw new ConveyorError(code, "not now");
    });
    await using b = await named("b");
    await using c = await named("c");
    const channels = openChannels([a.address, b.address, c.address], { random: first });
    assert.deepEqual(await Promise.all([ask(channels), ask(channels), ask(channels)]), [code, code, code]);
    assert.equal(await ask(channels), "b");
    channels.close();
  });
}

test("channels / what the caller did wrong moves nothing", async () => {
  await using a = await named("a", () => {
    throw new ConveyorError("JOB_NOT_FOUND", "there is none");
  });
  await using b = await named("b");
  const channels = openChannels([a.address, b.address], { random: first });
  for (let calls = 0; calls < 3; calls += 1) assert.equal(await ask(channels), "JOB_NOT_FOUND");
  channels.close();
});

test("channels / a broker that is gone, or takes connections and says nothing, is passed over", async () => {
  await using mute = await muteServer();
  const gone = await named("gone");
  await gone[Symbol.asyncDispose]();
  await using b = await named("b");
  const channels = openChannels([gone.address, mute.address, b.address], { random: first });
  assert.deepEqual([await ask(channels), await ask(channels)], ["BROKER_UNREACHABLE", "BROKER_UNREACHABLE"]);
  assert.equal(await ask(channels), "b");
  channels.close();
});

test("channels / a call whose signal comes first is aborted, while connecting too", async () => {
  await using mute = await muteServer();
  const channels = openChannels([mute.address, "127.0.0.1:1"], { random: first });
  const over = new AbortController();
  const asked = ask(channels, over.signal);
  setImmediate(() => over.abort());
  assert.equal(await asked, "ABORTED");
  assert.equal(await ask(channels, AbortSignal.abort()), "ABORTED");
  channels.close();
});
