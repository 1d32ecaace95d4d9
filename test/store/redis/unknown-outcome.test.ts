import assert from "node:assert/strict";
import { test } from "node:test";
import { type Client, LostConnection, type Reply } from "../../../src/store/redis/client.ts";
import { connectionOver, type OpenedConnection } from "../../../src/store/redis/open-connection.ts";
import { withReplicas } from "../../../src/store/redis/replication.ts";
import { Scripts } from "../../../src/store/redis/scripts.ts";
import { parseUrl } from "../../../src/store/redis/store-url.ts";

type Answer = (command: string) => Reply | Error;

/** What Redis says, as its client throws it. */
function said(text: string): Error {
  return Object.assign(new Error(text), { name: "ReplyError" });
}

/** A connection to a server that answers each command like this, in order of the tries of a script. */
function connectionTo(tries: readonly Answer[]): { readonly connection: OpenedConnection; readonly sent: string[] } {
  const sent: string[] = [];
  let made = 0;
  const client: Client = {
    isOpen: true,
    async call(command, ...args) {
      // Without arguments: the probe of what the user may do.
      if (command === "EVALSHA" && args.length === 5) {
        made += 1;
        sent.push(String(args.at(-1)));
      } else if (command === "EVALSHA") return Buffer.alloc(0);
      const answer = tries[Math.min(made, tries.length) - 1]?.(command) ?? null;
      if (answer instanceof Error) throw answer;
      return answer;
    },
    ended: new Promise(() => undefined),
    close: () => undefined,
  };
  const settings = parseUrl("redis://h/?wait=1");
  const both = withReplicas(client, client, settings);
  const link = { client: async () => both, first: async () => both, close: async () => undefined };
  const servers = {
    linkOf: async () => link,
    all: async () => [link],
    doubt: async () => undefined,
    close: async () => undefined,
  };
  return {
    connection: connectionOver({
      settings,
      servers,
      shards: 1,
      identity: "",
      scripts: new Scripts(),
      clock: undefined,
    }),
    sent,
  };
}

const call = { script: "commit", shard: 0, args: ["first"], argsAgain: () => ["again"] } as const;
const done = Buffer.from("done");
const executed: Answer = (command) => (command === "EVALSHA" ? done : 1);

for (const refused of [
  "OOM x",
  "MISCONF x",
  "NOREPLICAS x",
  "READONLY x",
  "MOVED 1 h:1",
  "BUSY x",
  "NOPERM x",
  "ERR x",
]) {
  test(`redis outcome / unknown when the wait for replicas is refused, and tried again as such: ${refused}`, async () => {
    const refusing: Answer = (command) => (command === "HINCRBY" ? said(refused) : executed(command));
    const { connection, sent } = connectionTo([refusing, executed]);
    assert.equal(await connection.run(call), done);
    assert.deepEqual(sent, ["first", "again"]);
  });
}

test("redis outcome / what a try may have done is not denied because a later one was refused", async () => {
  const lost: Answer = () => new LostConnection("reset");
  const refusing: Answer = (command) => (command === "HINCRBY" ? said("OOM x") : executed(command));
  for (const first of [lost, refusing]) {
    for (const refused of ["OOM command not allowed", "WRONGTYPE x", "ERR something"]) {
      const { connection } = connectionTo([first, () => said(refused)]);
      const last = new RegExp(
        `(?:made the change|the change was made wholly or not at all).*The last try: .*${refused}`,
      );
      await assert.rejects(connection.run(call), { code: "STORE_UNAVAILABLE", message: last });
    }
  }
  const { connection } = connectionTo([() => said("OOM command not allowed")]);
  await assert.rejects(connection.run(call), { code: "STORE_FULL", message: /nothing was changed/ });
});
