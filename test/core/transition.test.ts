import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { isTerminal, type JobState, jobStates } from "../../src/core/job.ts";
import { placeOf, transition, transitions } from "../../src/core/transition.ts";

const page = readFileSync(new URL("../../docs/states.md", import.meta.url), "utf8");
const terminal = ["COMPLETED", "DEAD", "CANCELLED"];
const drawn = transitions.filter((row) => row.milestone <= 3);

/** The arrows of the page's diagram, one for each move on it; those into the end are left out. */
function arrows(): string[] {
  const diagram = /```mermaid\nstateDiagram-v2\n(.*?)```/s.exec(page)?.[1] ?? "";
  return diagram
    .trimEnd()
    .split("\n")
    .filter((line) => !line.endsWith("--> [*]"))
    .flatMap((line) => {
      const match = /^ {4}(\S+) --> (\w+): (.+)$/.exec(line);
      assert.ok(match, `not an arrow: ${line}`);
      const [, from = "", to = "", moves = ""] = match;
      return moves.split(", ").map((move) => `${from === "[*]" ? "NONE" : from} ${move} ${to}`);
    });
}

test("states / the diagram in the docs is the transition table", () => {
  const rows = drawn.map((row) => `${row.from} ${row.move} ${row.to}`);
  assert.deepEqual(arrows().sort(), rows.sort());
  for (const state of terminal) assert.ok(page.includes(`    ${state} --> [*]\n`), state);
});

test("states / the page names every move that can happen, and what cannot yet", () => {
  const table = page.slice(page.indexOf("| move |"));
  for (const { move } of drawn) assert.match(table, new RegExp(`^\\|[^|]*\\b${move}\\b[^|]*\\|`, "m"), move);
  for (const { move } of transitions) assert.ok(page.includes(move), move);
});

test("states / every state is entered, left unless terminal, and no row stands twice", () => {
  const keys = transitions.map((row) => `${row.from} ${row.move} ${row.to}`);
  assert.equal(new Set(keys).size, keys.length);
  for (const state of jobStates.filter((each) => each !== "HELD")) {
    assert.ok(
      drawn.some((row) => row.to === state),
      `${state} is never entered`,
    );
    assert.equal(
      drawn.some((row) => row.from === state && row.move !== "revive"),
      !isTerminal(state),
      `${state} is left`,
    );
  }
});

test("states / a terminal job is left by a revival alone, and a completed one never", () => {
  const left = transitions.filter((row) => terminal.includes(row.from));
  assert.deepEqual([...new Set(left.map((row) => `${row.from} ${row.move}`))], ["DEAD revive", "CANCELLED revive"]);
});

test("states / only a claim makes a job run, and only its own lease's end stops it", () => {
  assert.deepEqual(
    transitions.filter((row) => row.to === "RUNNING").map((row) => `${row.from} ${row.move}`),
    ["READY claim"],
  );
  const ends = new Set(transitions.filter((row) => row.from === "RUNNING").map((row) => row.move));
  assert.deepEqual([...ends], ["succeed", "fail", "discard", "snooze", "giveBack", "crash", "cancel"]);
});

test("states / a move that the table does not have is refused", () => {
  assert.equal(transition("READY", "claim", "RUNNING").to, "RUNNING");
  assert.throws(() => transition("COMPLETED", "claim", "RUNNING"), /no transition COMPLETED --claim--> RUNNING/);
});

test("states / a held job's place is its reason", () => {
  assert.equal(placeOf("HELD", "BARRIER"), "HELD_BARRIER");
  assert.equal(placeOf("READY" satisfies JobState, undefined), "READY");
  assert.throws(() => placeOf("HELD", undefined), /reason/);
});
