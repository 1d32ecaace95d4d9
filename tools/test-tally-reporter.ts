import type { TestEvent } from "node:test/reporters";
import type { SkippedTest } from "./allowed-skips.ts";

/** What a run came to, in JSON. */
export interface Tally {
  readonly ran: number;
  readonly skipped: readonly SkippedTest[];
}

/**
 * Reports nothing but how many tests ran and which did not. The runner itself calls a run of none a success, and counts a
 * file without tests as a test that passed; the summaries of the files do not.
 */
// A default export, because that is how the runner loads a reporter.
export default async function* tallyTests(events: AsyncIterable<TestEvent>): AsyncGenerator<string> {
  let ran = 0;
  const skipped: SkippedTest[] = [];
  for await (const { type, data } of events) {
    if (type === "test:summary" && data.file !== undefined) ran += data.counts.tests - data.counts.skipped;
    if (type !== "test:pass" && type !== "test:fail") continue;
    const reason = data.skip ?? data.todo;
    if (reason !== undefined)
      skipped.push({ name: data.name, reason: typeof reason === "string" ? reason : "no reason given" });
  }
  const tally: Tally = { ran, skipped };
  yield JSON.stringify(tally);
}
