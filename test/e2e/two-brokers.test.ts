// Clients and workers that know two brokers of one store, through wires that can be cut.
import assert from "node:assert/strict";
import { test } from "node:test";
import { ChoreSchema, EmailSentSchema, SendEmailSchema } from "../../gen/shop/v1/shop_pb.ts";
import { ConveyorError } from "../../src/core/errors.ts";
import { type Conveyor, group, type JobHandle, job, type WorkerState } from "../../src/index.ts";
import { type Deferred, deferred } from "../../src/runtime/deferred.ts";
import type { Store } from "../../src/store/store.ts";
import { soon } from "../client/failing.ts";
import { memoryEngine } from "../store/engines/memory.ts";
import { postgresEngine } from "../store/engines/postgres.ts";
import { redisEngine } from "../store/engines/redis.ts";
import { type Member, openTwoBrokers, type TwoBrokers } from "./two-brokers-world.ts";

const engines = [memoryEngine, postgresEngine(), redisEngine({ shards: 1 })];
const intervals = { heartbeatMs: 100, tickMs: 50, pollMs: 100, calmMs: 300 };

/** The sessions that the store has, as `id epoch`. */
async function sessionsOf(world: TwoBrokers): Promise<readonly string[]> {
  return (await world.members[0].store.dump()).sessions.map(({ id, epoch }) => `${id} ${epoch}`);
}

/** Where the one worker is. */
function hostOf(world: TwoBrokers): Member {
  const host = world.members.find(({ forWorkers }) => forWorkers.live > 0);
  assert.ok(host, "the worker is connected");
  return host;
}

function otherOf(world: TwoBrokers, member: Member): Member {
  return world.members[0] === member ? world.members[1] : world.members[0];
}

/** Resolves each time that a worker gets into a state. */
function stateWatch() {
  const waiting = new Map<WorkerState, () => void>();
  return {
    onStateChange: (state: WorkerState) => waiting.get(state)?.(),
    next(state: WorkerState): Promise<void> {
      const { promise, resolve } = deferred<void>();
      waiting.set(state, resolve);
      return promise;
    },
  };
}

/** A worker whose handlers wait for a gate, each counted. */
async function heldWorker(world: TwoBrokers, client: Conveyor, jobs: number) {
  const watch = stateWatch();
  const gate: Deferred<void> = deferred();
  const all: Deferred<void> = deferred();
  const counts = { runs: 0, aborts: 0 };
  const { onStateChange } = watch;
  const worker = world
    .worker({ onStateChange, concurrency: jobs, window: jobs })
    .handle(ChoreSchema, async (_, context) => {
      counts.runs += 1;
      context.signal.addEventListener("abort", () => {
        counts.aborts += 1;
      });
      if (counts.runs === jobs) all.resolve();
      await gate.promise;
    });
  void worker.run();
  const handles = await Promise.all(Array.from({ length: jobs }, () => client.enqueue(ChoreSchema, {})));
  await all.promise;
  return { watch, gate, counts, handles };
}

async function assertUnharmed(handles: readonly JobHandle[]): Promise<void> {
  for (const handle of handles) {
    const info = await handle.wait({ signal: soon() });
    assert.deepEqual([info.state, info.attempt, info.crashCount, info.releaseCount], ["COMPLETED", 1, 0, 0]);
  }
}

for (const engine of engines) {
  const name = (text: string) => `two brokers / ${text} [${engine.name}]`;

  test(name("a job goes in at one, is done at the other, and its result is waited for at the first"), async () => {
    await using world = await openTwoBrokers(engine, { intervals });
    const [a, b] = world.members;
    void world
      .worker({}, [b])
      .handle(SendEmailSchema, ({ to }) => ({ messageId: `to ${to}` }))
      .run();
    const client = world.connect([a]);
    const mails = Array.from({ length: 20 }, (_, index) => `${index}`);
    const handles = await Promise.all(
      mails.map((to) => client.enqueue(SendEmailSchema, { to }, { result: EmailSentSchema })),
    );
    for (const [index, handle] of handles.entries()) {
      assert.equal((await handle.result({ signal: soon() })).messageId, `to ${index}`);
    }
    assert.equal(a.forClients.count, 1, "one connection does for all calls");
  });

  for (const how of ["is cut off", "stops"] as const) {
    test(
      name(`a worker whose broker ${how} goes on at the other with its session and its handlers (22, 23)`),
      async () => {
        await using world = await openTwoBrokers(engine, { intervals });
        const client = world.connect();
        const { watch, gate, counts, handles } = await heldWorker(world, client, 20);
        const [session] = await sessionsOf(world);
        const host = hostOf(world);
        const again = watch.next("connected");
        if (how === "stops") await host.broker.stop();
        else host.forWorkers.cut();
        await again;
        assert.equal(hostOf(world), otherOf(world, host));
        assert.deepEqual(await sessionsOf(world), [session?.replace(/1$/, "2")]);
        gate.resolve();
        await assertUnharmed(handles);
        assert.deepEqual(counts, { runs: 20, aborts: 0 });
      },
    );
  }

  test(name("a worker whose broker comes and goes in turn with the other keeps its handlers (22)"), async () => {
    await using world = await openTwoBrokers(engine, { intervals });
    const { watch, gate, counts, handles } = await heldWorker(world, world.connect(), 5);
    for (let round = 0; round < 4; round += 1) {
      const host = hostOf(world);
      otherOf(world, host).forWorkers.mend();
      const again = watch.next("connected");
      host.forWorkers.cut();
      await again;
    }
    gate.resolve();
    await assertUnharmed(handles);
    assert.deepEqual(counts, { runs: 5, aborts: 0 });
  });

  test(name("a client whose broker is gone goes on at the other, also with what it waits for"), async () => {
    await using world = await openTwoBrokers(engine, { intervals });
    const client = world.connect();
    const first = await client.enqueue(ChoreSchema, {});
    const [host] = world.members.filter(({ forClients }) => forClients.live > 0);
    assert.ok(host);
    const done = first.wait({ signal: soon() });
    host.forClients.cut();
    const second = await client.enqueue(ChoreSchema, {});
    assert.equal(otherOf(world, host).forClients.live, 1);
    void world
      .worker()
      .handle(ChoreSchema, () => undefined)
      .run();
    assert.equal((await done).state, "COMPLETED");
    assert.equal((await second.wait({ signal: soon() })).attempt, 1);
  });

  test(name("clients and workers spread over both"), async () => {
    await using world = await openTwoBrokers(engine, { intervals });
    const used = () =>
      world.members.every(({ forClients, forWorkers }) => forClients.count > 0 && forWorkers.count > 0);
    for (let tries = 0; tries < 40 && !used(); tries += 1) {
      const watch = stateWatch();
      const connected = watch.next("connected");
      void world
        .worker(watch)
        .handle(ChoreSchema, () => undefined)
        .run();
      await connected;
      await (await world.connect().enqueue(ChoreSchema, {})).wait({ signal: soon() });
    }
    assert.ok(used());
  });

  test(name("a failing child stops its sibling at the other broker, whose handler is told why (38)"), async () => {
    await using world = await openTwoBrokers(engine, { intervals });
    const [a, b] = world.members;
    const begun = deferred<void>();
    const reason = deferred<string>();
    void world
      .worker({}, [b])
      .handle(SendEmailSchema, async (_, context) => {
        begun.resolve();
        await new Promise((_resolve, reject) => {
          context.signal.addEventListener("abort", () => reject(context.signal.reason));
        }).catch((error: unknown) => {
          reason.resolve(String(error));
          throw error;
        });
        return {};
      })
      .run();
    void world
      .worker({}, [a])
      .handle(ChoreSchema, async (_, context) => {
        await begun.promise;
        throw context.discard("bad");
      })
      .run();
    const root = await world.connect().enqueueTree({
      job: group("both"),
      children: [{ job: job(ChoreSchema, {}), policy: "FAIL_FAST" }, { job: job(SendEmailSchema, {}) }],
    });
    assert.match(await reason.promise, /SIBLING_FAILED/);
    assert.equal((await root.wait({ signal: soon() })).reason, "CHAIN_FAILED");
  });

  test(name("a store that is away for a while loses nothing and ends nothing, and all goes on by itself"), async () => {
    let away = false;
    const wrap = (store: Store): Store => ({
      ...store,
      ...Object.fromEntries(
        Object.entries(store).flatMap(([verb, work]) => {
          if (typeof work !== "function" || ["close", "listen", "announce"].includes(verb)) return [];
          const guarded = async (...args: unknown[]) => {
            if (away) throw new ConveyorError("STORE_UNAVAILABLE", "taken away by a test");
            return work(...args);
          };
          return [[verb, guarded]];
        }),
      ),
    });
    const ttl = { sessionTtlMs: 1_000, resumeGraceMs: 300 };
    await using world = await openTwoBrokers(engine, { intervals: { ...intervals, ...ttl }, wrap });
    const client = world.connect();
    const { watch, gate, counts, handles } = await heldWorker(world, client, 5);
    // A stream that breaks while the store is away cannot be resumed before it is back.
    const disconnected = watch.next("disconnected");
    away = true;
    hostOf(world).forWorkers.cut();
    for (const { forWorkers } of world.members) forWorkers.mend();
    await disconnected;
    const late = client.enqueue(ChoreSchema, {});
    const waited = Promise.all(handles.map((handle) => handle.wait({ signal: soon() })));
    const again = watch.next("connected");
    // Longer than the time to live, counted in what the brokers see of it.
    for (let looks = 0; looks < 30; looks += 1) await new Promise((resolve) => setTimeout(resolve, 50));
    away = false;
    await again;
    gate.resolve();
    await waited;
    await assertUnharmed([...handles, await late]);
    assert.deepEqual(counts, { runs: 6, aborts: 0 });
  });
}
