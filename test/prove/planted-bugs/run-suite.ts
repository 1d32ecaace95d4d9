// Runs test files in the folder it is started in and prints a JSON line for each test: node run-suite.ts CONCURRENCY TIMEOUT_MS ENGINE FILE...;
// with an ENGINE only its cases run: tests whose title has it in square brackets.
import path from "node:path";
import { run } from "node:test";

const [concurrency, timeout, engine, ...files] = process.argv.slice(2);
/** Names of the suites and tests that are open, by file and depth. */
const open = new Map<string, string[]>();
const cwd = process.cwd();

const events = run({
  cwd,
  files: files.map((file) => path.resolve(cwd, file)),
  concurrency: Number(concurrency),
  timeout: Number(timeout),
  ...(engine === "" ? {} : { testNamePatterns: [new RegExp(`\\[${engine}\\b`)] }),
});
for await (const { type, data } of events) {
  if (type === "test:start") {
    const names = open.get(data.file ?? "") ?? [];
    open.set(data.file ?? "", [...names.slice(0, data.nesting), data.name]);
  } else if (type === "test:pass" || type === "test:fail") {
    const names = open.get(data.file ?? "") ?? [];
    const file = path.relative(cwd, data.file ?? "");
    const title = [...names.slice(0, data.nesting), data.name].join(" > ");
    const { duration_ms: ms, type: kind } = data.details;
    const skipped = data.skip !== undefined || data.todo !== undefined;
    const error =
      type === "test:fail" ? String(data.details.error.cause ?? data.details.error).slice(0, 300) : undefined;
    console.log(JSON.stringify({ file, title, name: data.name, kind, ok: type === "test:pass", skipped, ms, error }));
  }
}
