import assert from "node:assert/strict";
import { PassThrough } from "node:stream";
import { test } from "node:test";
import { type BulkAction, type BulkPage, runBulk } from "../../src/cli/bulk.ts";
import type { CommandContext } from "../../src/cli/command.ts";
import { confirm } from "../../src/cli/confirm.ts";
import { createProgressLine } from "../../src/cli/progress-line.ts";
import type { OutputFormat } from "../../src/cli/terminal.ts";
import { codeToRpcStatus } from "../../src/wire/error-status.ts";

interface Scene {
  readonly flags?: readonly string[];
  readonly format?: OutputFormat;
  /** What the person at the terminal answers; left out: there is none. */
  readonly answer?: boolean;
  readonly pages?: readonly Partial<BulkPage>[];
}

const twoPages: readonly Partial<BulkPage>[] = [
  { matched: 500, changed: 499, failures: [failure("job-7")], nextPageToken: "2" },
  { matched: 3, changed: 3 },
];

function failure(id: string) {
  const error = codeToRpcStatus("JOB_NOT_RETRYABLE", `job ${id} is running`);
  return { $typeName: "conveyor.v1.BulkFailure" as const, id, error };
}

/** Runs a bulk command against a broker that answers with these pages, and tells what was asked and said. */
async function bulk({ flags = [], format = "table", answer, pages = twoPages }: Scene) {
  const calls: string[] = [];
  const said = { data: [] as string[], talk: [] as string[], asked: [] as string[] };
  const action: BulkAction = {
    verb: "retry",
    done: "retried",
    noun: "job",
    async page({ validateOnly, pageToken }) {
      calls.push(`${validateOnly ? "count" : "do"} ${pageToken}`.trim());
      const page = pages[pageToken === "" ? 0 : Number(pageToken) - 1] ?? {};
      const full = { matched: 0, changed: 0, failures: [], nextPageToken: "", ...page };
      return validateOnly ? { ...full, changed: 0, failures: [] } : full;
    },
  };
  const ask = async (question: string) => {
    said.asked.push(question);
    return answer === true;
  };
  const terminal = {
    format,
    columns: undefined,
    data: (line: string) => void said.data.push(line),
    talk: (line: string) => void said.talk.push(line),
    paint: (_: string, text: string) => text,
    ask: answer === undefined ? undefined : ask,
  };
  const args = { has: (flag: string) => flags.includes(flag) };
  const code = await runBulk(action, { args, terminal } as unknown as CommandContext);
  return { code, calls, ...said };
}

test("bulk / --dry-run counts all pages, changes nothing and asks nobody", async () => {
  const { code, calls, data, asked } = await bulk({ flags: ["dry-run"], answer: true });
  assert.deepEqual([code, calls, data, asked], [0, ["count", "count 2"], ["503 jobs would be retried"], []]);
  const json = await bulk({ flags: ["dry-run"], format: "jsonl" });
  assert.deepEqual(json.data, ['{"matched":503,"dryRun":true}']);
});

test("bulk / off a terminal it wants --yes, and says how many it would take", async () => {
  await assert.rejects(bulk({}), { code: "INVALID_OPTION", message: /would retry 503 jobs; say --yes.*--dry-run/ });
  assert.equal((await bulk({ pages: [{}] })).code, 0);
});

test("bulk / on a terminal it asks with the count, and takes no for an answer", async () => {
  const no = await bulk({ answer: false });
  assert.deepEqual([no.code, no.asked, no.calls], [0, ["retry 503 jobs?"], ["count", "count 2"]]);
  assert.deepEqual(no.talk, ["nothing was changed"]);
  const yes = await bulk({ answer: true });
  assert.deepEqual(yes.calls, ["count", "count 2", "do", "do 2"]);
  assert.deepEqual((await bulk({ answer: false, flags: ["yes"] })).asked, []);
});

test("bulk / what was refused is listed with its code, and the exit status is 2", async () => {
  const table = await bulk({ flags: ["yes"] });
  assert.deepEqual([table.code, table.talk], [2, ["503 jobs matched"]]);
  assert.deepEqual(table.data, [
    "502 jobs retried, 1 refused",
    "ID     REFUSED            WHY",
    "job-7  JOB_NOT_RETRYABLE  job job-7 is running",
  ]);
  const refused = { id: "job-7", error: { code: "JOB_NOT_RETRYABLE", message: "job job-7 is running" } };
  const counts = { matched: 503, changed: 502, refused: 1 };
  const json = await bulk({ flags: ["yes"], format: "json" });
  assert.deepEqual(JSON.parse(json.data.join("")), { ...counts, failures: [refused] });
  const lines = await bulk({ flags: ["yes"], format: "jsonl" });
  assert.deepEqual(
    lines.data.map((line) => JSON.parse(line)),
    [refused, counts],
  );
});

test("bulk / of more failures than are kept, the rest is counted", async () => {
  const failures = Array.from({ length: 600 }, (_, index) => failure(`job-${index}`));
  const pages = [
    { matched: 600, failures, nextPageToken: "2" },
    { matched: 600, failures },
  ];
  const { data, talk } = await bulk({ flags: ["yes"], pages });
  assert.equal(data[0], "0 jobs retried, 1,200 refused");
  assert.equal(data.length, 1_002);
  assert.equal(talk.at(-1), "only the first 1000 that were refused are listed");
});

test("confirm / only y and yes are a yes; the end of the input is a no", async () => {
  for (const [typed, expected] of [
    ["y\n", true],
    [" YES \n", true],
    ["\n", false],
    ["yet\n", false],
    ["", false],
  ] as const) {
    const input = new PassThrough();
    const output = new PassThrough();
    const answer = confirm("retry 5 jobs?", { input, output });
    input.end(typed);
    assert.equal(await answer, expected, JSON.stringify(typed));
    assert.equal(String(output.read()), "retry 5 jobs? [y/N] ");
  }
});

test("progress / writes over itself on a screen, and now and then off it", () => {
  const written: string[] = [];
  const stream = { columns: 12, write: (text: string) => written.push(text) > 0 };
  let now = 0;
  {
    using line = createProgressLine({ ...stream, isTTY: true } as NodeJS.WriteStream, () => now);
    line.say("500 jobs cancelled");
  }
  assert.deepEqual(written.splice(0), ["\r\u001b[K500 jobs ca…", "\r\u001b[K"]);
  using line = createProgressLine({ ...stream, isTTY: false } as NodeJS.WriteStream, () => now);
  for (const [at, text] of [
    [1_000, "one"],
    [5_000, "two"],
    [6_000, "three"],
  ] as const) {
    now = at;
    line.say(text);
  }
  assert.deepEqual(written, ["two\n"]);
});
