import assert from "node:assert/strict";
import { test } from "node:test";
import { createScreen } from "../../src/cli/live-screen.ts";
import { suggestion } from "../../src/cli/suggestion.ts";
import { tableLines } from "../../src/cli/table.ts";
import { printable, type Terminal } from "../../src/cli/terminal.ts";
import { formatSpan, parseTimeMs } from "../../src/cli/time.ts";

const esc = "\u001b";
const plain: Pick<Terminal, "columns" | "paint"> = { columns: undefined, paint: (_, text) => text };

test("text / what a job holds cannot reach the screen as anything but text (72)", () => {
  assert.equal(printable(`a${esc}[2Jb\r\nc\u009b31m\u202ed`), "a\\u001b[2Jb\\u000d\\nc\\u009b31m\\u202ed");
  const [, row = ""] = tableLines([{ title: "type" }], [[`x${esc}]0;title\u0007`]], plain as Terminal);
  assert.ok(!row.includes(esc));
});

test("text / columns stand below each other, numbers to the right, and the last is cut at the screen's edge", () => {
  const columns = [{ title: "jobs", right: true }, { title: "type" }, { title: "error" }];
  const rows = [
    ["7", "a.B", "short"],
    ["1200", "mail.v1.SendEmail", "a long text that goes on"],
  ];
  assert.deepEqual(tableLines(columns, rows, { ...plain, columns: 40 } as Terminal), [
    "JOBS  TYPE               ERROR",
    "   7  a.B                short",
    "1200  mail.v1.SendEmail  a long text th…",
  ]);
});

test("text / spans are told in two units at most", () => {
  const told = [0, 250, 1_240, 61_000, 3_600_000, 5_430_000, 90_000_000].map(formatSpan);
  assert.deepEqual(told, ["0ms", "250ms", "1.2s", "1m 1s", "1h", "1h 30m", "1d 1h"]);
});

test("text / a time has a date, and is in UTC where it says so", () => {
  assert.equal(parseTimeMs("2030-01-31T08:00:00Z", "--at"), Date.UTC(2030, 0, 31, 8));
  assert.equal(parseTimeMs("2030-01-31T08:00:00+02:00", "--at"), Date.UTC(2030, 0, 31, 6));
  for (const text of ["", "08:00", "31.1.2030", "2030-13-01T00:00:00Z"]) {
    assert.throws(() => parseTimeMs(text, "--at"), { code: "INVALID_OPTION" });
  }
});

test("text / a suggestion is near, or there is none", () => {
  const names = ["enqueue", "job list", "serve", "version"];
  assert.equal(suggestion("enqeue", names), "enqueue");
  assert.equal(suggestion("ver", names), "version");
  assert.equal(suggestion("delete", names), undefined);
});

test("screen / a drawing takes the place of the one before, and fits", () => {
  const written: string[] = [];
  const stream = { rows: 6, columns: 12, write: (text: string) => written.push(text) > 0 };
  const screen = createScreen(stream as unknown as NodeJS.WriteStream);
  screen.draw(["one", "two", "", "total 2"]);
  screen.draw(["a line that is too long", "b", "c", "d", "e", "f", "", "total 6"]);
  assert.equal(written[0], `${esc}[Jone\ntwo\n\ntotal 2\n`);
  assert.equal(written[1], `${esc}[4A\r${esc}[Ja line that…\nb\n… 4 lines m…\n\ntotal 6\n`);
});
