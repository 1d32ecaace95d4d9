import assert from "node:assert/strict";
import { child, error, failure, job, success } from "../jobs.ts";
import type { Case } from "./case.ts";
import { list } from "./list-all.ts";

export const nameCases: readonly Case[] = [
  {
    name: "names / no stored text breaks a key, a query or a page (72)",
    async run(world) {
      const hostile = [
        "'; DROP TABLE jobs; --",
        '"double" and `back`',
        "%_\\%",
        "a:b{c}d|e,f/g",
        "null",
        "__proto__",
        "constructor",
        "0",
        " spaced ",
        "~".repeat(128),
      ];
      await world.insert(...hostile.map((id) => job(id, { requestId: `r${id}`.slice(0, 128), payload: id })));
      assert.deepEqual(world.inOrder(await list(world, {}, 3)), world.inOrder([...hostile].reverse()));
      for (const id of hostile) {
        const again = await world.insertTogether(job(id, { payload: id }));
        assert.deepEqual(again, { kind: "inserted", roots: [{ id, deduplicated: true }] });
      }
      assert.deepEqual(await world.claimIds(), world.inOrder(hostile));
      const keys = ["__proto__", "toString", "'; --", "ключ", "k\u0000k"];
      await world.succeed(
        "0",
        keys.map((key, index) => child(`k${index}`, { key, metadata: { [key]: key, constructor: "c" } })),
      );
      for (const id of hostile.filter((each) => each !== "0")) {
        await world.end(id, failure({ error: error(id, id, id) }));
        assert.deepEqual((await world.get(id)).attempts[0]?.error, error(id, id, id));
      }
      const leases = await world.claim();
      assert.deepEqual(
        leases.map((lease) => lease.key),
        keys,
      );
      assert.deepEqual(
        leases.map((lease) => Object.entries(lease.metadata).sort()),
        keys.map((key) =>
          Object.entries({ constructor: "c", ...JSON.parse(`{${JSON.stringify(key)}:${JSON.stringify(key)}}`) }).sort(),
        ),
      );
      await world.settle(...leases.map((lease) => world.item(lease, success())));
      await world.expect({ 0: "COMPLETED" });
    },
  },
  {
    name: "names / queues and types with dots, dashes and underscores stay apart (72)",
    async run(world) {
      const queues = ["a", "a.b", "a-b", "a_b", "a.b.c", "0", "a".repeat(100)];
      const types = ["A", "a.A", "a.b.A", "a_b.A", "_x.Y9"];
      const all = queues.flatMap((queue) => types.map((type) => ({ id: `${queue}/${type}`, queue, type })));
      await world.insert(...all.map(({ id, ...options }) => job(id.slice(-100), options)));
      for (const { id, queue, type } of all) {
        assert.deepEqual(await world.claimIds({ lanes: [{ queue, types: [type] }] }), [id.slice(-100)]);
      }
    },
  },
];
