import { type Broker, type BrokerIntervals, createBroker } from "../../src/broker/index.ts";
import { serverDefaults } from "../../src/core/job.ts";
import { type Conveyor, connect, createWorker, type Worker, type WorkerOptions } from "../../src/index.ts";
import type { Store } from "../../src/store/store.ts";
import type { Engine } from "../store/engine.ts";
import { openRelay, type Relay } from "./relay.ts";

/** One of several brokers of a store, with the ways to it. */
export interface Member {
  readonly broker: Broker;
  readonly store: Store;
  /** What clients of this world go through. */
  readonly forClients: Relay;
  /** What its workers go through. */
  readonly forWorkers: Relay;
}

/** Two brokers on one store in this process, and what is made for them; disposing ends all of it, newest first. */
export interface TwoBrokers extends AsyncDisposable {
  readonly members: readonly [Member, Member];
  /** A client of both, or of one. */
  connect(to?: readonly Member[]): Conveyor;
  /** A worker for both, or for one. */
  worker(options?: WorkerOptions, to?: readonly Member[]): Worker;
}

export interface TwoBrokersOptions {
  readonly intervals?: Partial<BrokerIntervals>;
  /** Changes each broker's handle on the store. */
  readonly wrap?: (store: Store) => Store;
}

export async function openTwoBrokers(engine: Engine, options: TwoBrokersOptions = {}): Promise<TwoBrokers> {
  const { wrap = (store) => store, intervals = {} } = options;
  const stack = new AsyncDisposableStack();
  const opened = await engine.open({ defaults: serverDefaults });
  stack.defer(() => opened.discard());
  const other = await opened.second?.();
  if (other === undefined) throw new Error(`${engine.name} cannot be opened twice`);
  stack.defer(() => other.discard());

  async function member(store: Store): Promise<Member> {
    const broker = createBroker({
      store: wrap(store),
      listen: "127.0.0.1:0",
      intervals: { stopMs: 1_000, ...intervals },
    });
    await broker.start();
    stack.defer(() => broker.stop());
    const [forClients, forWorkers] = [await openRelay(broker.address), await openRelay(broker.address)];
    stack.use(forClients);
    stack.use(forWorkers);
    return { broker, store, forClients, forWorkers };
  }

  const members = [await member(opened.store), await member(other.store)] as const;
  return {
    members,
    connect(to = members) {
      const addresses = to.map(({ forClients }) => forClients.address);
      return stack.use(connect(addresses, { retryFor: "30s" }));
    },
    worker(settings = {}, to = members) {
      // As one text, as the command line has it.
      const worker = createWorker(to.map(({ forWorkers }) => forWorkers.address).join(","), settings);
      stack.defer(() => worker.stop({ deadlineMs: 0 }));
      return worker;
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}
