import assert from "node:assert/strict";
import { test } from "node:test";
import * as grpc from "@grpc/grpc-js";
import { WorkerService, type WorkRequest, type WorkResponse } from "../../gen/conveyor/v1/worker_service_pb.ts";
import { ConveyorError, isConveyorError } from "../../src/core/errors.ts";
import { serviceDefinition } from "../../src/wire/service-definition.ts";
import { type FrameHandlers, type FrameStream, openFrameStream, serveFrameStream } from "../../src/wire/stream.ts";
import { type Deferred, deferred } from "./deferred.ts";
import { openLink } from "./link.ts";
import { connectionTest, localClient, localServer } from "./local-server.ts";

const { work } = WorkerService.method;
const workPath = "/conveyor.v1.WorkerService/Work";

type ServerStream = FrameStream<WorkResponse>;

interface Serving {
  readonly onFrame?: (frame: WorkRequest, stream: ServerStream) => void;
  readonly onHalfClose?: (stream: ServerStream) => void;
  readonly onOpen?: (stream: ServerStream) => void;
  readonly onClose?: (error: ConveyorError | undefined) => void;
  readonly onUnexpected?: (error: unknown) => void;
}

function workServer(serving: Serving) {
  return localServer((server) => {
    server.addService(serviceDefinition(WorkerService), {
      work(call: grpc.ServerDuplexStream<Buffer, Buffer>) {
        const { onHalfClose } = serving;
        const handlers: FrameHandlers<WorkRequest> = {
          onFrame: (frame) => serving.onFrame?.(frame, stream),
          onHalfClose: onHalfClose && (() => onHalfClose(stream)),
          onClose: (error) => serving.onClose?.(error),
        };
        const stream = serveFrameStream(call, work, handlers, (error) => serving.onUnexpected?.(error));
        serving.onOpen?.(stream);
      },
      listChildResults: () => undefined,
    });
  });
}

interface Opened {
  readonly stream: FrameStream<WorkRequest>;
  readonly frames: WorkResponse[];
  readonly closed: Deferred<ConveyorError | undefined>;
}

function open(client: grpc.Client, onFrame?: (frame: WorkResponse) => void, signal?: AbortSignal): Opened {
  const frames: WorkResponse[] = [];
  const closed = deferred<ConveyorError | undefined>();
  const onEvery = onFrame ?? ((frame) => frames.push(frame));
  const stream = openFrameStream(client, work, { onFrame: onEvery, onClose: closed.resolve }, { signal });
  return { stream, frames, closed };
}

const heartbeat = (seq: bigint): WorkRequest => ({
  $typeName: "conveyor.v1.WorkRequest",
  frame: {
    case: "heartbeat",
    value: { $typeName: "conveyor.v1.Heartbeat", seq, receivedThrough: 0n, heldLeaseIds: [], bufferedLeaseIds: [] },
  },
});

const ping = (seq: bigint): WorkResponse => ({
  $typeName: "conveyor.v1.WorkResponse",
  frame: { case: "ping", value: { $typeName: "conveyor.v1.Ping", seq } },
});

/** A frame of `bytes` bytes, near enough. */
const bulky = (bytes: number): WorkResponse => ({
  $typeName: "conveyor.v1.WorkResponse",
  frame: { case: "leasesLost", value: { $typeName: "conveyor.v1.LeasesLost", leaseIds: ["x".repeat(bytes)] } },
});

const seqOf = (frame: WorkRequest | WorkResponse) =>
  frame.frame.case === "heartbeat" || frame.frame.case === "ping" ? frame.frame.value.seq : undefined;

test("stream / frames arrive in order, both ways, and a half-close ends well on both sides", async () => {
  const serverClosed = deferred<ConveyorError | undefined>();
  const got: unknown[] = [];
  await using local = await workServer({
    onFrame(frame, stream) {
      got.push(seqOf(frame));
      stream.send(ping(seqOf(frame) ?? 0n));
    },
    onClose: serverClosed.resolve,
  });
  const { stream, frames, closed } = open(local.client);
  for (let seq = 1n; seq <= 500n; seq += 1n) {
    if (!stream.send(heartbeat(seq))) await stream.drained();
  }
  stream.close();
  assert.equal(await closed.promise, undefined);
  assert.equal(await serverClosed.promise, undefined);
  const expected = Array.from({ length: 500 }, (_, index) => BigInt(index + 1));
  assert.deepEqual(got, expected);
  assert.deepEqual(frames.map(seqOf), expected);
});

test("stream / the last frames of a broker come before the end that it gives", async () => {
  await using local = await workServer({
    onFrame(_, stream) {
      for (let seq = 1n; seq <= 50n; seq += 1n) stream.send(ping(seq));
      stream.close(new ConveyorError("SESSION_SUPERSEDED", "a newer stream took the session"));
    },
  });
  const seen: unknown[] = [];
  const { stream, closed } = open(local.client, (frame) => seen.push(seqOf(frame)));
  stream.send(heartbeat(1n));
  const error = await closed.promise;
  assert.equal(error?.code, "SESSION_SUPERSEDED");
  assert.equal(error?.message, "a newer stream took the session");
  assert.equal(seen.length, 50);
});

test("stream / after a half-close nobody is told of room before the stream has closed", async () => {
  await using local = await workServer({ onHalfClose: (served) => setImmediate(() => served.close()) });
  const { stream, closed } = open(local.client);
  stream.close();
  assert.equal(stream.writable, false);
  await stream.drained();
  assert.equal(stream.closed, true);
  assert.equal(await closed.promise, undefined);
});

test("stream / a half-close that the broker handles leaves it open for answers", async () => {
  await using local = await workServer({
    onHalfClose(stream) {
      stream.send(ping(7n));
      stream.close();
    },
  });
  const { stream, frames, closed } = open(local.client);
  stream.close();
  assert.equal(stream.send(heartbeat(1n)), false);
  assert.equal(await closed.promise, undefined);
  assert.deepEqual(frames.map(seqOf), [7n]);
});

test("stream / a full transport says so, and drained resolves when it has room", async () => {
  const opened = deferred<ServerStream>();
  await using local = await workServer({ onOpen: opened.resolve });
  let bytes = 0;
  const { stream } = open(local.client, (frame) => {
    bytes += frame.frame.case === "leasesLost" ? (frame.frame.value.leaseIds[0]?.length ?? 0) : 0;
  });
  stream.pause();
  const server = await opened.promise;
  let sent = 0;
  while (sent < 1_000) {
    sent += 1;
    if (!server.send(bulky(2 ** 20))) break;
  }
  assert.ok(sent < 1_000, "a client that does not read fills the transport");
  assert.equal(server.writable, false);
  const drained = server.drained();
  assert.equal(server.drained(), drained, "one promise for all who wait");
  stream.resume();
  await drained;
  assert.equal(server.closed, false);
  assert.equal(server.writable, true);
  while (bytes < sent * 2 ** 20) await new Promise(setImmediate);
});

test("stream / drained resolves, too, when the stream closes instead", async () => {
  const opened = deferred<ServerStream>();
  await using local = await workServer({ onOpen: opened.resolve });
  const { stream, closed } = open(local.client);
  stream.pause();
  const server = await opened.promise;
  while (server.send(bulky(2 ** 20)));
  const drained = server.drained();
  stream.close(new Error("enough"));
  await drained;
  assert.equal(server.closed, true);
  assert.equal(server.send(ping(1n)), false);
  assert.ok(await closed.promise);
});

test("stream / garbage ends it with FRAME_INVALID on both sides", async () => {
  const serverClosed = deferred<ConveyorError | undefined>();
  await using local = await workServer({ onClose: serverClosed.resolve, onFrame: () => assert.fail("no frame") });
  const call = local.client.makeBidiStreamRequest<Buffer, Buffer>(
    workPath,
    (raw) => raw,
    (raw) => raw,
  );
  const status = deferred<grpc.StatusObject>();
  call.on("error", () => undefined);
  call.on("status", status.resolve);
  call.resume();
  call.write(Buffer.from("ffffffffff", "hex"));
  assert.equal((await serverClosed.promise)?.code, "FRAME_INVALID");
  const { code, details } = await status.promise;
  assert.equal(code, grpc.status.INVALID_ARGUMENT);
  assert.match(details, /a frame of \/conveyor\.v1\.WorkerService\/Work is not a conveyor\.v1\.WorkRequest/);
});

test("stream / garbage from a broker closes the client's end with FRAME_INVALID", async () => {
  await using local = await localServer((server) => {
    server.addService(serviceDefinition(WorkerService), {
      work: (call: grpc.ServerDuplexStream<Buffer, Buffer>) => void call.write(Buffer.from("ffffffffff", "hex")),
      listChildResults: () => undefined,
    });
  });
  const { closed } = open(local.client, () => assert.fail("no frame"));
  assert.equal((await closed.promise)?.code, "FRAME_INVALID");
});

test("stream / what a handler of the broker throws by mistake is INTERNAL without its text, and reported", async () => {
  const reported = deferred<unknown>();
  const secret = new Error("password=hunter2");
  await using local = await workServer({
    onFrame: () => {
      throw secret;
    },
    onUnexpected: reported.resolve,
  });
  const { stream, closed } = open(local.client);
  stream.send(heartbeat(1n));
  const error = await closed.promise;
  assert.equal(error?.code, "INTERNAL");
  assert.doesNotMatch(`${error?.message} ${error?.stack}`, /hunter2/);
  assert.equal(await reported.promise, secret);
});

test("stream / a client that cancels closes the broker's end once", async () => {
  const closes: unknown[] = [];
  const opened = deferred<ServerStream>();
  const serverClosed = deferred();
  await using local = await workServer({
    onOpen: opened.resolve,
    onHalfClose: () => undefined,
    onClose: (error) => {
      closes.push(error?.code);
      serverClosed.resolve();
    },
  });
  const abort = new AbortController();
  const { closed } = open(local.client, undefined, abort.signal);
  const server = await opened.promise;
  abort.abort(new Error("enough"));
  const error = await closed.promise;
  assert.equal(error?.code, "ABORTED");
  assert.equal(error?.cause, abort.signal.reason);
  await serverClosed.promise;
  server.close();
  server.close(new Error("late"));
  assert.deepEqual(closes, ["ABORTED"]);
});

test("stream / a signal that is aborted already opens nothing", async () => {
  await using local = await workServer({ onFrame: () => assert.fail("no frame") });
  const { stream, closed } = open(local.client, undefined, AbortSignal.abort());
  assert.equal((await closed.promise)?.code, "ABORTED");
  assert.equal(stream.send(heartbeat(1n)), false);
});

test("stream / a frame above 4 MiB is refused where it is sent, and the stream goes on", async () => {
  const opened = deferred<ServerStream>();
  await using local = await workServer({ onOpen: opened.resolve });
  const arrived = deferred<WorkResponse>();
  open(local.client, arrived.resolve);
  const server = await opened.promise;
  assert.throws(
    () => server.send(bulky(4 * 2 ** 20 + 1)),
    (error) => isConveyorError(error) && error.code === "PAYLOAD_TOO_LARGE",
  );
  server.send(ping(3n));
  assert.equal(seqOf(await arrived.promise), 3n);
});

connectionTest("stream / a broken connection closes both ends", async () => {
  const serverClosed = deferred<ConveyorError | undefined>();
  const arrived = deferred();
  await using local = await workServer({ onClose: serverClosed.resolve, onFrame: () => arrived.resolve() });
  await using link = await openLink(local.address);
  const client = localClient(link.address);
  try {
    const { stream, closed } = open(client);
    stream.send(heartbeat(1n));
    await arrived.promise;
    link.cut();
    assert.equal((await closed.promise)?.code, "BROKER_UNREACHABLE");
    assert.equal((await serverClosed.promise)?.code, "ABORTED");
  } finally {
    client.close();
  }
});

/** All that the broker sent before has arrived when this is over: a connection keeps its order. */
async function roundTrip(client: grpc.Client): Promise<void> {
  const { stream, closed } = open(client);
  stream.close();
  await closed.promise;
}

test("stream / frames that wait for a paused client come before the end", async () => {
  const serverClosed = deferred<ConveyorError | undefined>();
  await using local = await workServer({
    onFrame(_, stream) {
      for (let seq = 1n; seq <= 5n; seq += 1n) stream.send(ping(seq));
      stream.close();
    },
    onClose: serverClosed.resolve,
  });
  const paused = deferred();
  const seen: unknown[] = [];
  const { stream, closed } = open(local.client, (frame) => {
    seen.push(seqOf(frame));
    if (seen.length > 1) return;
    stream.pause();
    paused.resolve();
  });
  stream.send(heartbeat(1n));
  await Promise.all([paused.promise, serverClosed.promise]);
  await roundTrip(local.client);
  assert.equal(stream.closed, false);
  stream.resume();
  assert.equal(await closed.promise, undefined);
  assert.deepEqual(seen, [1n, 2n, 3n, 4n, 5n]);
});

connectionTest("stream / a broken connection is noticed by a client that has paused", { timeout: 5_000 }, async () => {
  await using local = await workServer({
    onFrame(_, stream) {
      for (let seq = 0n; seq < 10n; seq += 1n) stream.send(ping(seq));
    },
  });
  await using link = await openLink(local.address);
  const client = localClient(link.address);
  try {
    const paused = deferred();
    const { stream, closed } = open(client, () => {
      stream.pause();
      paused.resolve();
    });
    stream.send(heartbeat(1n));
    await paused.promise;
    await roundTrip(client);
    link.cut();
    assert.equal((await closed.promise)?.code, "BROKER_UNREACHABLE");
  } finally {
    client.close();
  }
});

connectionTest("stream / a broker that is not there is BROKER_UNREACHABLE", async () => {
  const local = await workServer({});
  await local[Symbol.asyncDispose]();
  const client = localClient(local.address);
  try {
    assert.equal((await open(client).closed.promise)?.code, "BROKER_UNREACHABLE");
  } finally {
    client.close();
  }
});

test("stream / a forced shutdown of the broker ends open streams at once", { timeout: 5_000 }, async () => {
  const opened = deferred<ServerStream>();
  await using local = await workServer({ onOpen: opened.resolve });
  const { closed } = open(local.client);
  await opened.promise;
  local.server.forceShutdown();
  assert.equal((await closed.promise)?.code, "BROKER_UNREACHABLE");
});
