import assert from "node:assert/strict";
import { test } from "node:test";
import { checkServer, durabilityOf, type ServerFacts } from "../../../src/store/postgres/server-facts.ts";

const good: ServerFacts = {
  version: 130_000,
  in_recovery: false,
  read_only: "off",
  fsync: "on",
  full_page_writes: "on",
  synchronous_commit: "on",
  isolation: "read committed",
  encoding: "UTF8",
  standbys: "",
};
const policy = { location: "postgres://db:5432/jobs?schema=conveyor", allowLossy: false, ownSession: false };
const lossy = { ...policy, allowLossy: true };

const faults: readonly (readonly [name: string, facts: Partial<ServerFacts>, code: string, reason: RegExp])[] = [
  ["an older server", { version: 120_022 }, "STORE_TOO_OLD", /PostgreSQL 12: Conveyor needs 13/],
  ["a very old server", { version: 90_624 }, "STORE_TOO_OLD", /PostgreSQL 9/],
  ["a replica", { in_recovery: true }, "STORE_READ_ONLY", /replica.*primary/],
  ["a database set to read only", { read_only: "on" }, "STORE_READ_ONLY", /default_transaction_read_only/],
  ["another encoding", { encoding: "LATIN1" }, "STORE_UNAVAILABLE", /encoding LATIN1.*ENCODING 'UTF8'/],
  [
    "another isolation",
    { isolation: "repeatable read" },
    "STORE_UNAVAILABLE",
    /repeatable read.*ALTER ROLE.*hints=off/,
  ],
  ["fsync off", { fsync: "off" }, "STORE_LOSSY", /fsync is off.*--allow-lossy/],
  ["full_page_writes off", { full_page_writes: "off" }, "STORE_LOSSY", /full_page_writes is off/],
  ["synchronous_commit off", { synchronous_commit: "off" }, "STORE_LOSSY", /synchronous_commit is off.*hints=off/],
];

for (const [name, facts, code, reason] of faults) {
  test(`start checks / ${name} is refused with ${code}`, () => {
    assert.throws(() => checkServer({ ...good, ...facts }, policy), { code, message: reason });
    if (code === "STORE_LOSSY") checkServer({ ...good, ...facts }, lossy);
    else assert.throws(() => checkServer({ ...good, ...facts }, lossy), { code });
  });
}

test("start checks / a server that keeps what it acknowledges is taken", () => {
  for (const commit of ["on", "local", "remote_write", "remote_apply"]) {
    checkServer({ ...good, synchronous_commit: commit }, policy);
  }
});

test("start checks / the durability shown at start says what an acknowledgement means", () => {
  assert.match(durabilityOf(good), /flushed.*synchronous_commit=on.*failover loses/);
  assert.match(durabilityOf({ ...good, standbys: "*" }), /handed to a synchronous replica/);
  assert.match(durabilityOf({ ...good, standbys: "*", synchronous_commit: "local" }), /failover loses/);
  assert.match(durabilityOf({ ...good, fsync: "off" }), /^LOSSY/);
  assert.match(durabilityOf({ ...good, synchronous_commit: "off" }), /^LOSSY/);
});
