import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as turn } from "node:timers/promises";
import type Database from "better-sqlite3";
import type { ChainNodeRecord } from "../../../src/store/query.ts";
import { child, heir, job, jobId, tree } from "../jobs.ts";
import { withWorld } from "./world.ts";

const rowsAtOnceMax = 5_000;

/** Multiplies the job `id`, with what is directly below it: copies stand beside it, after it. Past the store, which would take minutes. */
function copy(db: Database.Database, id: string, copies: number): void {
  const columns = (table: string, changed: Readonly<Record<string, string>>) => {
    const names = db.prepare<[], { name: string }>(`PRAGMA table_info(${table})`).all();
    return names.map(({ name }) => changed[name] ?? `t.${name}`).join(", ");
  };
  const numbers = `WITH RECURSIVE number(k) AS (SELECT 1 UNION ALL SELECT k + 1 FROM number WHERE k < ${copies})`;
  const seq = "t.seq + k * 1000";
  const moved = { seq, id: "t.id || '-' || k", request_id: "NULL" };
  const of = `(SELECT seq FROM job WHERE id = '${id}')`;
  db.exec(`
    INSERT INTO job ${numbers} SELECT ${columns("job", { ...moved, parent: "t.parent + k * 1000" })}
      FROM job t CROSS JOIN number WHERE t.parent = ${of};
    INSERT INTO barrier ${numbers} SELECT ${columns("barrier", { seq })} FROM barrier t CROSS JOIN number WHERE t.seq = ${of};
    INSERT INTO job ${numbers} SELECT ${columns("job", { ...moved, position: "t.position + k * 3" })}
      FROM job t CROSS JOIN number WHERE t.id = '${id}';`);
}

/** What `work` gives, how often the event loop ran meanwhile, and the most rows that were read between two turns. */
async function turnsDuring<T>(work: Promise<T>, rows = { total: () => 0 }) {
  let turns = 0;
  let rowsAtOnce = 0;
  let isOver = false;
  void work.finally(() => {
    isOver = true;
  });
  for (; !isOver; turns += 1) {
    const before = rows.total();
    await turn();
    rowsAtOnce = Math.max(rowsAtOnce, rows.total() - before);
  }
  return { answer: await work, turns, rowsAtOnce };
}

/** Counts the rows that statements prepared from now on give. */
function countRows(db: Database.Database): { readonly total: () => number } {
  let total = 0;
  const prepare = db.prepare.bind(db);
  db.prepare = ((text: string) => {
    const statement = prepare(text);
    const all = statement.all.bind(statement);
    statement.all = (...values) => {
      const rows = all(...values);
      total += rows.length;
      return rows;
    };
    return statement;
  }) as typeof db.prepare;
  return { total: () => total };
}

test("chain view / of one parent with very many children lets the event loop through (42)", () =>
  withWorld(async (world, db) => {
    await world.insert(tree(job("top"), child("first"), child("other", { type: "test.v1.Other" }), heir("last")));
    const copies = 40_000;
    copy(db, "first", copies);
    copy(db, "other", 10);
    const asked = world.store.getChain(jobId("top"), { size: 100, depthMax: 64 });
    const { answer, turns } = await turnsDuring(asked);
    assert.ok(turns >= copies / rowsAtOnceMax, `${turns} turns`);
    assert.deepEqual(
      answer?.items.map((each) => [each.id, each.parentId, each.role, each.count, each.depth]),
      [
        ["top", undefined, "ROOT", 1, 0],
        ["first", "top", "CHILD", copies + 1, 1],
        ["other", "top", "CHILD", 11, 1],
        ["last", "top", "HEIR", 1, 1],
      ],
    );
    assert.deepEqual(
      new Map(answer?.totals?.map((each) => [each.state, each.count])),
      new Map([
        ["READY", 1],
        ["HELD", copies + 13],
      ]),
    );
  }));

test("chain view / of very many parents lets the event loop through, and each page goes on where the last one ended (42)", () =>
  withWorld(async (world, db) => {
    const rows = countRows(db);
    const copies = 3_000;
    const leaves = ["leaf", "b", "c"].map((id) => child(id));
    const odd = ["d", "e", "f", "g"].map((id) => child(id, { type: "test.v1.Odd" }));
    await world.insert(tree(job("top"), child("p", {}, ...leaves, ...odd), child("wide")));
    copy(db, "p", copies);
    copy(db, "wide", copies);
    // A kind of leaves that begins late among very many siblings, and one that is spread over many parents.
    db.exec("UPDATE job SET state = 8, reason = 1 WHERE id LIKE 'wide-1___' OR id LIKE 'leaf-%7'");
    const whole = await turnsDuring(world.store.getChain(jobId("top"), { size: 1_000_000, depthMax: 64 }), rows);
    assert.ok(whole.turns >= (9 * copies) / rowsAtOnceMax, `${whole.turns} turns`);
    assert.ok(whole.rowsAtOnce <= rowsAtOnceMax, `${whole.rowsAtOnce} rows in one turn`);
    assert.deepEqual(
      new Map(whole.answer?.totals?.map((each) => [each.state, each.count])),
      new Map([
        ["READY", 1],
        ["DEAD", copies / 10 + 1_000],
        ["HELD", 9 * (copies + 1) - copies / 10 - 1_000],
      ]),
    );
    assert.equal(whole.answer?.items.find((each) => each.state === "DEAD" && each.depth === 1)?.id, "wide-1000");
    const wholeRows = rows.total();
    const items: ChainNodeRecord[] = [];
    const rowsOfPages: number[] = [];
    let cursor: string | undefined;
    do {
      const before = rows.total();
      const page = await world.store.getChain(jobId("top"), { size: 200, depthMax: 64, cursor });
      rowsOfPages.push(rows.total() - before);
      items.push(...(page?.items ?? []));
      cursor = page?.cursor;
    } while (cursor !== undefined);
    assert.deepEqual(items, whole.answer?.items);
    const cheap = rowsOfPages.filter((each) => each < wholeRows / 3);
    assert.ok(cheap.length >= rowsOfPages.length - 10, `rows: ${wholeRows}, by page ${rowsOfPages.join(" ")}`);
  }));

test("chain view / a store closed while it reads says so (42)", () =>
  withWorld(async (world, db) => {
    await world.insert(tree(job("top"), child("first")));
    copy(db, "first", 20_000);
    const asked = world.store.getChain(jobId("top"), { size: 100, depthMax: 64 });
    const refused = assert.rejects(asked, { code: "CLOSED" });
    await turn();
    await world.store.close();
    await refused;
  }));
