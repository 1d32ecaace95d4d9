import assert from "node:assert/strict";
import { before, type TestContext, test } from "node:test";
import { Health, HealthCheckResponse_ServingStatus as Serving } from "../../gen/grpc/health/v1/health_pb.ts";
import { ServerReflection, type ServerReflectionResponse } from "../../gen/grpc/reflection/v1/reflection_pb.ts";
import { ChoreSchema } from "../../gen/shop/v1/shop_pb.ts";
import { authenticationBy, type BrokerOptions, createBroker, parseTokens } from "../../src/broker/index.ts";
import type { ConveyorError } from "../../src/core/errors.ts";
import { serverDefaults } from "../../src/core/job.ts";
import { type ConnectOptions, connect, createWorker, isConveyorError, type WorkerOptions } from "../../src/index.ts";
import { deferred } from "../../src/runtime/deferred.ts";
import { openMemoryStore } from "../../src/store/memory/store.ts";
import { openChannel } from "../../src/wire/channel.ts";
import { type Credentials, securityOf } from "../../src/wire/credentials.ts";
import { openFrameStream } from "../../src/wire/stream.ts";
import { callUnary } from "../../src/wire/unary.ts";
import { throwsCode } from "../wire/throws-code.ts";
import { type Authority, createAuthority, type Issued } from "./authority.ts";
import { quick } from "./world.ts";

const aliceToken = "alice-token-0123456789";
const bobToken = "bob-token-0123456789abc";
const tokens = `alice:${aliceToken}\nbob:${bobToken}\n`;

let authority: Authority;
let server: Issued;
before(async () => {
  authority = await createAuthority();
  server = await authority.issue("broker");
});

function fromFile(text = tokens) {
  const known = parseTokens(text, "tokens.txt");
  return authenticationBy(() => known);
}

/** A broker on a store of its own; clients are made as users make them. */
async function startEdge(t: TestContext, options: Partial<BrokerOptions>) {
  const store = await openMemoryStore({ defaults: serverDefaults });
  const broker = createBroker({ store, listen: "127.0.0.1:0", ...options, intervals: quick });
  await broker.start();
  t.after(async () => {
    await broker.stop();
    await store.close();
  });
  const { address } = broker;
  return {
    store,
    broker,
    client(credentials: ConnectOptions = {}) {
      const client = connect(address, { retryFor: 0, ...credentials });
      t.after(() => client.close());
      return client;
    },
    worker(credentials: WorkerOptions = {}) {
      const worker = createWorker(address, { concurrency: 1, ...credentials });
      t.after(() => worker.stop({ deadlineMs: 0 }));
      return worker;
    },
    channel(credentials: Credentials = {}) {
      const channel = openChannel(address, { retries: false, security: securityOf(credentials, [address]) });
      t.after(() => channel.close());
      return channel;
    },
  };
}

function coded(code: string, text = /./) {
  return (error: unknown) => {
    assert.ok(isConveyorError(error), String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, text);
    assert.doesNotMatch(error.message, /token-0123/);
    return true;
  };
}

test("edge / a token opens every service, its name is the principal, and none or a wrong one is refused", async (t) => {
  const { client, store } = await startEdge(t, { authenticate: fromFile() });
  const { id } = await client({ token: aliceToken }).enqueue(ChoreSchema, { script: "a" });
  assert.equal((await store.getJob(id as never))?.principal, "alice");
  await assert.rejects(client().get(id), coded("NO_CREDENTIALS", /authorization: Bearer/));
  await assert.rejects(client({ token: `${aliceToken}x` }).get(id), coded("CREDENTIALS_INVALID"));
  await assert.rejects(client({ token: aliceToken.slice(0, -1) }).get(id), coded("CREDENTIALS_INVALID"));
  assert.equal((await client({ token: bobToken }).get(id)).id, id);
});

test("edge / health answers everyone, reflection only those with a token", async (t) => {
  const { channel } = await startEdge(t, { authenticate: fromFile() });
  const { status } = await callUnary(channel(), Health.method.check, {});
  assert.equal(status, Serving.SERVING);
  const reflect = (credentials: Credentials) =>
    new Promise<ServerReflectionResponse | ConveyorError | undefined>((resolve) => {
      const stream = openFrameStream(channel(credentials), ServerReflection.method.serverReflectionInfo, {
        onFrame(answer) {
          resolve(answer);
          stream.close();
        },
        onClose: resolve,
      });
      stream.send({
        $typeName: "grpc.reflection.v1.ServerReflectionRequest",
        host: "",
        messageRequest: { case: "listServices", value: "*" },
      });
    });
  assert.ok(coded("NO_CREDENTIALS")(await reflect({})));
  const answer = await reflect({ token: bobToken });
  assert.ok(
    answer !== undefined && "messageResponse" in answer && answer.messageResponse.case === "listServicesResponse",
  );
});

test("edge / a worker shows its token, and one with a wrong token ends", async (t) => {
  const { client, worker } = await startEdge(t, { authenticate: fromFile() });
  const running = worker({ token: aliceToken }).handle(ChoreSchema, () => {});
  void running.run();
  const job = await client({ token: bobToken }).enqueue(ChoreSchema, {});
  assert.equal((await job.wait()).state, "COMPLETED");
  await assert.rejects(
    worker({ token: `wrong-${bobToken}` })
      .handle(ChoreSchema, () => {})
      .run(),
    coded("CREDENTIALS_INVALID"),
  );
  await assert.rejects(
    worker()
      .handle(ChoreSchema, () => {})
      .run(),
    coded("NO_CREDENTIALS"),
  );
});

test("edge / a token that is taken back ends its worker's stream; with a new one the worker keeps its jobs", async (t) => {
  let known = parseTokens(tokens, "tokens.txt");
  const { client, worker, broker } = await startEdge(t, { authenticate: authenticationBy(() => known) });
  let token = aliceToken;
  const started = deferred<void>();
  const finish = deferred<void>();
  const back = deferred<void>();
  let connections = 0;
  let starts = 0;
  const working = worker({
    token: () => token,
    onStateChange(state) {
      if (state === "connected" && ++connections === 2) back.resolve();
    },
  }).handle(ChoreSchema, async () => {
    starts += 1;
    started.resolve();
    await finish.promise;
  });
  const running = working.run();
  running.catch(() => undefined);
  const job = await client({ token: bobToken }).enqueue(ChoreSchema, {});
  await started.promise;
  token = "alice-new-token-9876543210";
  known = parseTokens(`alice:${token}\nbob:${bobToken}`, "tokens.txt");
  broker.recheckCallers();
  await back.promise;
  finish.resolve();
  const done = await job.wait();
  assert.deepEqual([done.state, starts, connections], ["COMPLETED", 1, 2]);
  // Without a new token the next refusal is the last.
  known = parseTokens(`bob:${bobToken}`, "tokens.txt");
  broker.recheckCallers();
  await assert.rejects(
    working.run().catch(() => Promise.reject(new Error("runs"))),
    /runs/,
  );
});

test("edge / a session is resumed by its own principal only", async (t) => {
  let known = parseTokens(tokens, "tokens.txt");
  const { client, worker, broker, store } = await startEdge(t, { authenticate: authenticationBy(() => known) });
  let token = aliceToken;
  const started = deferred<void>();
  const aborted = deferred<void>();
  const working = worker({ token: () => token }).handle(ChoreSchema, async (_, context) => {
    context.signal.addEventListener("abort", () => aborted.resolve());
    started.resolve();
    await aborted.promise;
  });
  void working.run();
  await client({ token: bobToken }).enqueue(ChoreSchema, {});
  await started.promise;
  token = "mallory-token-9876543210";
  known = parseTokens(`mallory:${token}\nbob:${bobToken}`, "tokens.txt");
  broker.recheckCallers();
  await aborted.promise;
  assert.equal((await store.dump()).sessions.length, 2, "hers stands beside the one she may not have");
});

test("edge / over TLS everything works, and who does not trust the broker, or speaks plain text, gets nowhere", async (t) => {
  const { client, worker } = await startEdge(t, { authenticate: fromFile(), tls: server });
  const tls = { ca: authority.ca };
  void worker({ token: aliceToken, tls })
    .handle(ChoreSchema, () => {})
    .run();
  const job = await client({ token: bobToken, tls }).enqueue(ChoreSchema, {});
  assert.equal((await job.wait()).state, "COMPLETED");
  await assert.rejects(
    client({ token: bobToken, tls: true }).get(job.id),
    coded("BROKER_UNREACHABLE", /not trusted .*tls\.ca/),
  );
  await assert.rejects(client({ token: bobToken }).get(job.id), coded("BROKER_UNREACHABLE", /TLS/));
  const stranger = await createAuthority("stranger");
  await assert.rejects(client({ tls: { ca: stranger.ca } }).get(job.id), coded("BROKER_UNREACHABLE", /certificate/));
  await assert.rejects(
    client({ tls: { ca: authority.ca, serverName: "elsewhere.example" } }).get(job.id),
    coded("BROKER_UNREACHABLE", /another name .*elsewhere\.example/),
  );
});

test("edge / TLS to a broker of plain text says so", async (t) => {
  const { client } = await startEdge(t, {});
  await assert.rejects(client({ tls: true }).get("x"), coded("BROKER_UNREACHABLE", /plain text/));
});

test("edge / a certificate for another name is taken where serverName says so", async (t) => {
  const elsewhere = await authority.issue("broker", { host: "broker.example" });
  const { client } = await startEdge(t, { tls: elsewhere });
  await assert.rejects(
    client({ tls: { ca: authority.ca } }).get("x"),
    coded("BROKER_UNREACHABLE", /another name .*tls\.serverName/),
  );
  await assert.rejects(
    client({ tls: { ca: authority.ca, serverName: "broker.example" } }).get("x"),
    coded("JOB_NOT_FOUND"),
  );
});

test("edge / with client certificates the common name is the principal, a token comes before it, strangers get nowhere", async (t) => {
  const own = await authority.issue("worker-1");
  const tls = { ca: authority.ca, ...own };
  const { client, store, channel } = await startEdge(t, {
    authenticate: fromFile(),
    tls: { ...server, clientCa: authority.ca },
  });
  const principalOf = async (credentials: ConnectOptions) => {
    const { id } = await client(credentials).enqueue(ChoreSchema, {});
    return (await store.getJob(id as never))?.principal;
  };
  assert.equal(await principalOf({ tls }), "worker-1");
  assert.equal(await principalOf({ tls, token: aliceToken }), "alice");
  await assert.rejects(client({ tls, token: `${aliceToken}x` }).get("x"), coded("CREDENTIALS_INVALID"));
  const stranger = await (await createAuthority("stranger")).issue("worker-1");
  for (const without of [{ ca: authority.ca }, { ca: authority.ca, ...stranger }]) {
    await assert.rejects(
      client({ tls: without, token: aliceToken }).get("x"),
      coded("BROKER_UNREACHABLE", /not take the certificate of this client/),
    );
  }
  assert.equal((await callUnary(channel({ tls }), Health.method.check, {})).status, Serving.SERVING);
});

test("edge / client certificates alone name the principal", async (t) => {
  const { client, store } = await startEdge(t, { tls: { ...server, clientCa: authority.ca } });
  const own = await authority.issue("producer");
  const { id } = await client({ tls: { ca: authority.ca, ...own } }).enqueue(ChoreSchema, {});
  assert.equal((await store.getJob(id as never))?.principal, "producer");
  const nameless = await authority.issue("x".repeat(129)).catch(() => undefined);
  if (nameless !== undefined) {
    await assert.rejects(client({ tls: { ca: authority.ca, ...nameless } }).get(id), coded("NO_CREDENTIALS"));
  }
});

test("edge / a certificate is replaced while the broker listens, and a bad one changes nothing", async (t) => {
  const other = await createAuthority("next authority");
  const { broker, client } = await startEdge(t, { tls: server });
  const missing = coded("JOB_NOT_FOUND");
  await assert.rejects(client({ tls: { ca: authority.ca } }).get("x"), missing);
  throwsCode("CERTIFICATE_INVALID", () => broker.replaceTls({ ...server, key: "" }));
  await assert.rejects(client({ tls: { ca: authority.ca } }).get("x"), missing);
  broker.replaceTls(await other.issue("broker"));
  await assert.rejects(client({ tls: { ca: other.ca } }).get("x"), missing);
  await assert.rejects(client({ tls: { ca: authority.ca } }).get("x"), coded("BROKER_UNREACHABLE"));
});

test("edge / beyond loopback TLS and credentials are needed, and what is missing is said", async (t) => {
  const combinations: readonly (readonly [Partial<BrokerOptions>, RegExp | undefined])[] = [
    [{}, /no TLS \(--tls-cert and --tls-key\) and no credentials to ask for \(--tokens, or --tls-client-ca\);/],
    [{ authenticate: fromFile() }, /this broker has no TLS \(--tls-cert and --tls-key\);/],
    [{ tls: server }, /this broker has no credentials to ask for \(--tokens, or --tls-client-ca\);/],
    [{ tls: server, authenticate: fromFile() }, undefined],
    [{ tls: { ...server, clientCa: authority.ca } }, undefined],
    [{ insecure: true }, undefined],
    [{ insecure: true, authenticate: fromFile() }, undefined],
    [{ insecure: true, tls: server }, undefined],
  ];
  for (const [options, refusal] of combinations) {
    // What starts does so on loopback in a form that no list of loopback addresses has: nothing else may be listened on here.
    for (const listen of refusal === undefined ? ["[::ffff:127.0.0.1]:0"] : ["0.0.0.0:0", "[::]:0"]) {
      const store = await openMemoryStore({ defaults: serverDefaults });
      const broker = createBroker({ store, listen, ...options });
      if (refusal !== undefined) await assert.rejects(broker.start(), coded("ADDRESS_UNSAFE", refusal));
      else await broker.start();
      await broker.stop();
      await store.close();
    }
  }
  await startEdge(t, { authenticate: fromFile() });
});

test("edge / PEM that cannot be used is refused by the part that is wrong", async () => {
  const other = await authority.issue("other");
  const old = await authority.issue("old", { notAfter: new Date(Date.now() - 60_000) });
  const store = await openMemoryStore({ defaults: serverDefaults });
  const refused = (tls: NonNullable<BrokerOptions["tls"]>, text: RegExp) =>
    assert.match(
      throwsCode("CERTIFICATE_INVALID", () => createBroker({ store, listen: "127.0.0.1:0", tls })).message,
      text,
    );
  refused({ cert: "", key: server.key }, /^tls\.cert: it holds no certificate/);
  refused({ cert: server.key, key: server.cert }, /^tls\.cert: it holds no certificate/);
  refused({ cert: server.cert, key: server.cert }, /^tls\.key: it holds no private key/);
  refused({ cert: server.cert, key: other.key }, /^tls\.key: the private key does not belong/);
  refused({ ...old }, /^tls\.cert: its certificate expired on \d{4}-/);
  refused({ ...server, clientCa: "nothing" }, /^tls\.clientCa: it holds no certificate/);
  refused(
    { cert: server.cert.replace(/[A-Za-z0-9]{20}/, "AAAAAAAAAAAAAAAAAAAA"), key: server.key },
    /^tls\.cert: its certificate 1 of 1/,
  );
  await store.close();
});

test("credentials / a token goes to another machine over TLS only, unless told insecure", () => {
  throwsCode("INVALID_OPTION", () => connect("broker.example", { token: aliceToken }));
  throwsCode("INVALID_OPTION", () => createWorker("10.0.0.7:2668", { token: () => aliceToken }));
  throwsCode("INVALID_OPTION", () => connect("127.0.0.1.example:2668", { token: aliceToken }));
  for (const address of ["localhost", "127.0.0.1:99", "[::1]:2668"])
    void connect(address, { token: aliceToken }).close();
  void connect("broker.example", { token: aliceToken, tls: true }).close();
  void connect("broker.example", { token: aliceToken, insecure: true }).close();
});

test("credentials / what cannot be a token or PEM is refused and not shown", async () => {
  const own = await authority.issue("client");
  const refused = (options: ConnectOptions, text: RegExp) => {
    const { message } = throwsCode("INVALID_OPTION", () => connect("localhost", options));
    assert.match(message, text);
    assert.doesNotMatch(message, /secret/);
  };
  for (const token of ["", "secret token", "secret\r\nx: y", "secré"]) refused({ token }, /^token: /);
  refused({ token: 7 as never }, /^token: a token is a string; got number/);
  refused({ tls: { ca: "secret" } }, /^tls\.ca: it holds no certificate/);
  refused({ tls: { cert: own.cert } }, /^tls\.key: a certificate needs its private key/);
  refused({ tls: { key: own.key } }, /^tls\.cert: a private key needs its certificate/);
  refused({ tls: { cert: own.cert, key: server.key } }, /^tls\.key: .*does not belong/);
  refused({ tls: { serverName: "a b" } }, /^tls\.serverName: /);
});

test("credentials / a token function is asked for each call; what it throws is tried again, what is no token is not", async (t) => {
  const { client } = await startEdge(t, { authenticate: fromFile() });
  let asked = 0;
  const token = () => {
    asked += 1;
    if (asked === 1) throw new Error("the vault is closed");
    return aliceToken;
  };
  await client({ token, retryFor: "10s" }).enqueue(ChoreSchema, {});
  assert.equal(asked, 2);
  await assert.rejects(
    client({
      token: () => {
        throw new Error("the vault is closed");
      },
    }).get("x"),
    coded("BROKER_UNREACHABLE", /token\(\) threw: the vault is closed/),
  );
  await assert.rejects(
    client({ token: (async () => aliceToken) as never }).get("x"),
    coded("INVALID_OPTION", /a promise/),
  );
});
