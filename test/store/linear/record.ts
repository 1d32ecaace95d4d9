import type { StoreDump } from "../../../src/store/dump.ts";
import type { Store } from "../../../src/store/store.ts";
import { type Side, sideOf } from "../model/perform.ts";
import type { Random } from "../model/random.ts";
import { anyOperation, clientCount, type Known, type Names, openSessions } from "./clients.ts";
import type { Call, History } from "./history.ts";
import { takenBy } from "./loose.ts";
import { call } from "./operation.ts";

const callsPerClient = 6;

/** Lets three clients loose on one store, each by one of the handles on it, and writes down what they saw. */
export async function recordHistory(handles: readonly Store[], random: Random, names: Names): Promise<History> {
  const [first, ...others] = handles.map(sideOf);
  if (first === undefined) throw new Error("a history needs a store");
  // One book of leases for all, since clients speak of each other's.
  const sides = [first, ...others.map(({ store }): Side => ({ ...first, store }))];
  const known: Known = { leases: [], sent: new Map(), made: 0, types: 0 };
  const calls: Call[] = [];
  let events = 0;

  async function run(client: number): Promise<void> {
    const side = sides[client % sides.length] ?? first;
    for (let left = callsPerClient; left > 0; left -= 1) {
      const operation = anyOperation(random, names, client, known);
      events += 1;
      const begun = events;
      const answer = await call(side as Side, operation);
      events += 1;
      const done: Call = { client, operation, answer, begun, ended: events };
      calls.push(done);
      for (const { lease: name } of takenBy(done) ?? []) known.leases.push({ name, client });
    }
  }

  const setup = openSessions(names);
  for (const operation of setup) await call(first, operation);
  await Promise.all(Array.from({ length: clientCount }, (_, client) => run(client)));
  return { setup, calls, final: only(names, await first.store.dump()) };
}

/** What of a shared store belongs to this history. */
function only(names: Names, dump: StoreDump): StoreDump {
  const isOurs = (name: string): boolean => name.startsWith(`${names.prefix}-`);
  return {
    jobs: dump.jobs.filter((each) => isOurs(each.id)),
    sessions: dump.sessions.filter((each) => isOurs(each.id)),
    queues: dump.queues.filter((each) => isOurs(each.name)),
  };
}
