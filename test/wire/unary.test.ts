import assert from "node:assert/strict";
import { test } from "node:test";
import * as grpc from "@grpc/grpc-js";
import { JobService } from "../../gen/conveyor/v1/job_service_pb.ts";
import { ConveyorError, type ErrorCode, isConveyorError } from "../../src/core/errors.ts";
import { serviceDefinition } from "../../src/wire/service-definition.ts";
import { callUnary } from "../../src/wire/unary.ts";
import { handleUnary, type ServerCallContext } from "../../src/wire/unary-handler.ts";
import { deferred } from "./deferred.ts";
import { openLink } from "./link.ts";
import { connectionTest, type LocalServer, localClient, localServer } from "./local-server.ts";

const { getJob, enqueueBatch, enqueue } = JobService.method;

interface Behaviour {
  readonly getJob?: (id: string, context: ServerCallContext) => Promise<object>;
  readonly onUnexpected?: (error: unknown, method: string) => void;
}

function jobServer({ getJob: answer = async () => ({}), onUnexpected = () => undefined }: Behaviour) {
  return localServer((server) => {
    const taken = handleUnary(enqueue, async () => ({}), onUnexpected);
    server.addService(serviceDefinition(JobService), {
      enqueue: taken,
      enqueueBatch: handleUnary(enqueueBatch, async () => ({}), onUnexpected),
      getJob: handleUnary(getJob, ({ id }, context) => answer(id, context), onUnexpected),
      listJobs: taken,
      getChain: taken,
      waitJob: taken,
    });
  });
}

async function failsWith(code: ErrorCode, call: Promise<unknown>): Promise<ConveyorError> {
  const error = await call.then(
    () => assert.fail(`expected ${code}, got an answer`),
    (thrown: unknown) => thrown,
  );
  assert.ok(isConveyorError(error), `expected a ConveyorError, got ${String(error)}`);
  assert.equal(error.code, code, error.message);
  return error;
}

/** Sends bytes of any kind as a request. */
function callRaw({ client }: LocalServer, path: string, bytes: Buffer): Promise<grpc.ServiceError | null> {
  return new Promise((resolve) => {
    client.makeUnaryRequest(
      path,
      (raw: Buffer) => raw,
      (raw: Buffer) => raw,
      bytes,
      (error) => resolve(error),
    );
  });
}

test("unary / a request and its answer arrive decoded", async () => {
  await using local = await jobServer({ getJob: async (id) => ({ job: { id, priority: -7, version: 3n } }) });
  const { job } = await callUnary(local.client, getJob, { id: "a-1" });
  assert.equal(job?.id, "a-1");
  assert.equal(job?.priority, -7);
  assert.equal(job?.version, 3n);
});

test("unary / an error of the handler arrives whole", async () => {
  const details = {
    fields: [{ path: "id", problem: "no such job" }],
    resource: { type: "job", name: "ünknown" },
  } as const;
  await using local = await jobServer({
    getJob: () => Promise.reject(new ConveyorError("JOB_NOT_FOUND", 'no job "ünknown" here: 100 %', { details })),
  });
  const error = await failsWith("JOB_NOT_FOUND", callUnary(local.client, getJob, { id: "ünknown" }));
  assert.equal(error.message, 'no job "ünknown" here: 100 %');
  assert.deepEqual(error.details, details);
});

test("unary / what a handler throws by mistake is INTERNAL without its text, and reported", async () => {
  const reported: unknown[] = [];
  const secret = new Error("password=hunter2 at /home/me/broker.ts");
  await using local = await jobServer({
    getJob: () => Promise.reject(secret),
    onUnexpected: (error, method) => reported.push(error, method),
  });
  const error = await failsWith("INTERNAL", callUnary(local.client, getJob, {}));
  assert.doesNotMatch(`${error.message} ${error.stack} ${JSON.stringify(error.cause)}`, /hunter2|broker\.ts/);
  assert.deepEqual(reported, [secret, "/conveyor.v1.JobService/GetJob"]);
});

test("unary / a reporter that throws loses no answer", async () => {
  await using local = await jobServer({
    getJob: () => Promise.reject(new Error("broken")),
    onUnexpected: () => {
      throw new Error("the log is broken, too");
    },
  });
  await failsWith("INTERNAL", callUnary(local.client, getJob, {}));
});

test("unary / a handler that throws before it awaits is answered", async () => {
  await using local = await jobServer({
    getJob: () => {
      throw new ConveyorError("INVALID_NAME", "at once");
    },
  });
  await failsWith("INVALID_NAME", callUnary(local.client, getJob, {}));
});

test("unary / garbage is FRAME_INVALID with INVALID_ARGUMENT, and the next call is served", async () => {
  await using local = await jobServer({});
  for (const garbage of ["ffffffff", "0a05", "0aff", "08", "0a02c328"]) {
    const error = await callRaw(local, "/conveyor.v1.JobService/GetJob", Buffer.from(garbage, "hex"));
    assert.equal(error?.code, grpc.status.INVALID_ARGUMENT, garbage);
    assert.match(error.details, /is not a conveyor\.v1\.GetJobRequest/);
  }
  await callUnary(local.client, getJob, { id: "x" });
});

test("unary / a batch above 4 MiB is refused by the client and, when sent all the same, by the server", async () => {
  await using local = await jobServer({});
  const items = Array.from({ length: 5 }, () => ({
    item: {
      case: "job" as const,
      value: { content: { case: "payload" as const, value: { value: new Uint8Array(2 ** 20) } } },
    },
  }));
  await failsWith("BATCH_TOO_LARGE", callUnary(local.client, enqueueBatch, { items }));
  const error = await callRaw(local, "/conveyor.v1.JobService/EnqueueBatch", Buffer.alloc(5 * 2 ** 20));
  assert.equal(error?.code, grpc.status.INVALID_ARGUMENT);
  assert.match(error.details, /has 5242880 bytes, at most 4194304 are taken; split it/);
});

test("unary / a single request above 4 MiB is PAYLOAD_TOO_LARGE", async () => {
  await using local = await jobServer({});
  const error = await callRaw(local, "/conveyor.v1.JobService/Enqueue", Buffer.alloc(5 * 2 ** 20));
  assert.equal(error?.code, grpc.status.RESOURCE_EXHAUSTED);
  assert.match(error.details, /has 5242880 bytes, at most 4194304/);
});

connectionTest("unary / a message above the transport's 8 MiB is PAYLOAD_TOO_LARGE, too", async () => {
  await using local = await jobServer({});
  const plain = new grpc.Client(local.address, grpc.credentials.createInsecure(), { "grpc.enable_http_proxy": 0 });
  try {
    const error = await callRaw(
      { ...local, client: plain },
      "/conveyor.v1.JobService/Enqueue",
      Buffer.alloc(9 * 2 ** 20),
    );
    assert.equal(error?.code, grpc.status.RESOURCE_EXHAUSTED);
  } finally {
    plain.close();
  }
});

test("unary / an answer that the method's type cannot hold is the broker's mistake", async () => {
  const reported: unknown[] = [];
  await using local = await jobServer({
    getJob: async () => ({ job: { priority: 1.5 } }),
    onUnexpected: (error) => reported.push(error),
  });
  await failsWith("INTERNAL", callUnary(local.client, getJob, {}));
  assert.equal(reported.length, 1);
});

test("unary / a value that its field cannot hold is INVALID_OPTION before anything is sent", async () => {
  await using local = await jobServer({ getJob: () => assert.fail("nothing is sent") });
  const error = await failsWith(
    "INVALID_OPTION",
    callUnary(local.client, JobService.method.listJobs, { pageSize: 0.5 }),
  );
  assert.match(error.message, /page_size/);
});

test("unary / an abort ends the call and the handler's signal", async () => {
  const cancelled = deferred<unknown>();
  const called = deferred();
  await using local = await jobServer({
    getJob: (_, { signal }) => {
      called.resolve();
      return new Promise((_, reject) => {
        signal.addEventListener("abort", () => {
          cancelled.resolve(signal.reason);
          reject(signal.reason);
        });
      });
    },
  });
  const abort = new AbortController();
  const call = callUnary(local.client, getJob, {}, { signal: abort.signal });
  await called.promise;
  abort.abort(new Error("enough"));
  const error = await failsWith("ABORTED", call);
  assert.equal(error.cause, abort.signal.reason);
  assert.ok(isConveyorError(await cancelled.promise));
});

test("unary / a call that is aborted before it starts is not sent", async () => {
  const called: string[] = [];
  await using local = await jobServer({
    getJob: async (id) => {
      called.push(id);
      return {};
    },
  });
  await failsWith("ABORTED", callUnary(local.client, getJob, { id: "aborted" }, { signal: AbortSignal.abort() }));
  await callUnary(local.client, getJob, { id: "next" });
  assert.deepEqual(called, ["next"]);
});

test("unary / a deadline is TIMED_OUT, and the handler sees it", async () => {
  let deadlineMs: number | undefined;
  await using local = await jobServer({
    getJob: (_, context) => {
      deadlineMs = context.deadlineMs;
      return new Promise((_, reject) => context.signal.addEventListener("abort", () => reject(context.signal.reason)));
    },
  });
  const before = Date.now();
  await failsWith("TIMED_OUT", callUnary(local.client, getJob, {}, { timeoutMs: 150 }));
  assert.ok(deadlineMs !== undefined && deadlineMs > before && deadlineMs < before + 1_000, `${deadlineMs}`);
});

test("unary / without a deadline the handler sees none, and one of a year is cut to what a timer can hold", async () => {
  const seen: (number | undefined)[] = [];
  await using local = await jobServer({
    getJob: async (_, { deadlineMs }) => {
      seen.push(deadlineMs);
      return {};
    },
  });
  await callUnary(local.client, getJob, {});
  await callUnary(local.client, getJob, {}, { timeoutMs: 365 * 24 * 3_600_000 });
  assert.equal(seen[0], undefined);
  // The longest that a timer of 31 bits can hold is 24.8 days.
  assert.ok(Math.abs((seen[1] ?? 0) - Date.now() - 24 * 86_400_000) < 60_000, `${seen[1]}`);
});

connectionTest("unary / a broker that is not there is BROKER_UNREACHABLE", async () => {
  const local = await jobServer({});
  await local[Symbol.asyncDispose]();
  const client = localClient(local.address);
  try {
    await failsWith("BROKER_UNREACHABLE", callUnary(client, getJob, {}, { timeoutMs: 5_000 }));
  } finally {
    client.close();
  }
});

connectionTest("unary / a broker that dies in the middle of a call is BROKER_UNREACHABLE", async () => {
  const called = deferred();
  await using local = await jobServer({
    getJob: () => {
      called.resolve();
      return new Promise(() => undefined);
    },
  });
  await using link = await openLink(local.address);
  const client = localClient(link.address);
  try {
    const call = callUnary(client, getJob, {});
    call.catch(() => undefined);
    await called.promise;
    link.cut();
    await failsWith("BROKER_UNREACHABLE", call);
  } finally {
    client.close();
  }
});

test("unary / a call on a closed client is CLOSED", async () => {
  await using local = await jobServer({});
  local.client.close();
  await failsWith("CLOSED", callUnary(local.client, getJob, {}));
});

test("unary / a method that the server does not have is METHOD_UNKNOWN", async () => {
  await using local = await localServer(() => undefined);
  await failsWith("METHOD_UNKNOWN", callUnary(local.client, getJob, {}));
});

connectionTest("unary / metadata and the caller's address reach the handler", async () => {
  let seen: readonly unknown[] = [];
  await using local = await jobServer({
    getJob: async (_, { metadata, peer }) => {
      seen = [metadata.get("x-token"), peer];
      return {};
    },
  });
  const metadata = new grpc.Metadata();
  metadata.set("x-token", "abc");
  await callUnary(local.client, getJob, {}, { metadata });
  assert.deepEqual(seen[0], ["abc"]);
  assert.match(String(seen[1]), /127\.0\.0\.1/);
});
