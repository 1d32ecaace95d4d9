import type { TestEvent } from "node:test/reporters";

/**
 * Reports nothing but how many tests ran. The runner itself calls a run of none a success, and counts a file without
 * tests as a test that passed; the summaries of the files do not.
 */
// A default export, because that is how the runner loads a reporter.
export default async function* countTests(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  let ran = 0;
  for await (const { type, data } of events) {
    if (type === "test:summary" && data.file !== undefined) ran += data.counts.tests - data.counts.skipped;
  }
  yield String(ran);
}
