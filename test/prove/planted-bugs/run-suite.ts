// Runs test files in the folder it is started in and prints a JSON line for each test: node run-suite.ts CONCURRENCY TIMEOUT_MS ENGINE FILE...;
// with an ENGINE only its cases run: tests whose title has it in square brackets.
import path from "node:path";
import { run } from "node:test";

const [concurrency, timeout, engine, ...files] = process.argv.slice(2);
const cwd = process.cwd();
const waiting = [...files];
await Promise.all(
  Array.from({ length: Number(concurrency) }, async () => {
    for (let file = waiting.shift(); file !== undefined; file = waiting.shift()) await runFile(file);
  }),
);

/** A run of its own: what node tells of a test is where it is written, which is not always the file that was asked for. */
async function runFile(file: string): Promise<void> {
  const open: string[] = [];
  const events = run({
    cwd,
    files: [path.resolve(cwd, file)],
    timeout: Number(timeout),
    ...(engine === "" ? {} : { testNamePatterns: [new RegExp(`\\[${engine}\\b`)] }),
  });
  for await (const { type, data } of events) {
    if (type === "test:start") open.splice(data.nesting, open.length, data.name);
    if (type !== "test:pass" && type !== "test:fail") continue;
    const title = [...open.slice(0, data.nesting), data.name].join(" > ");
    const { duration_ms: ms, type: kind } = data.details;
    const skipped = data.skip !== undefined || data.todo !== undefined;
    const error =
      type === "test:fail" ? String(data.details.error.cause ?? data.details.error).slice(0, 300) : undefined;
    console.log(JSON.stringify({ file, title, name: data.name, kind, ok: type === "test:pass", skipped, ms, error }));
  }
}
