import type { JsonObject } from "@bufbuild/protobuf";
import type { BulkFailure } from "../../gen/conveyor/v1/job_service_pb.ts";
import { fromRpcStatus } from "../wire/error-status.ts";
import { printJson } from "./print.ts";
import { tableLines } from "./table.ts";
import type { Terminal } from "./terminal.ts";

/** How a bulk command tells of what it does. */
export interface BulkWords {
  /** As in "cancel 12 jobs". */
  readonly verb: string;
  /** As in "12 jobs cancelled". */
  readonly done: string;
  readonly noun: "job" | "chain";
}

export interface BulkTotals {
  readonly matched: number;
  readonly changed: number;
  readonly refused: number;
  /** The first of those that were refused. */
  readonly failures: readonly BulkFailure[];
}

type Outcome = { readonly dryRun: true; readonly matched: number } | ({ readonly dryRun: false } & BulkTotals);

/** Prints what a bulk command did; with `-o jsonl` each failure is a line, and the last line is the summary. */
export function printBulk(action: BulkWords, outcome: Outcome, terminal: Terminal): void {
  const failures = outcome.dryRun ? [] : outcome.failures.map(failureOf);
  if (terminal.format === "table") {
    terminal.data(summary(action, outcome));
    if (failures.length > 0) printFailures(failures, terminal);
    if (!outcome.dryRun && outcome.refused > failures.length) {
      terminal.talk(`only the first ${failures.length} that were refused are listed`);
    }
    return;
  }
  const counts = countsOf(outcome);
  if (terminal.format === "json") printJson({ ...counts, ...(failures.length > 0 ? { failures } : {}) }, terminal);
  else for (const line of [...failures, counts]) printJson(line, terminal);
}

function countsOf(outcome: Outcome): JsonObject {
  const { matched } = outcome;
  return outcome.dryRun ? { matched, dryRun: true } : { matched, changed: outcome.changed, refused: outcome.refused };
}

/** `1,204 jobs`. */
export function countOf(count: number, noun: string): string {
  return `${count.toLocaleString("en-US")} ${noun}${count === 1 ? "" : "s"}`;
}

function summary({ noun, done }: BulkWords, outcome: Outcome): string {
  const { matched } = outcome;
  if (outcome.dryRun) return `${countOf(matched, noun)} would be ${done}`;
  const refused = outcome.refused === 0 ? "" : `, ${outcome.refused.toLocaleString("en-US")} refused`;
  return `${countOf(outcome.changed, noun)} ${done}${refused}`;
}

type Failure = { readonly id: string; readonly error: { readonly code: string; readonly message: string } };

function failureOf({ id, error }: BulkFailure): Failure {
  const { code, message } =
    error === undefined ? { code: "INTERNAL", message: "the broker gave no reason" } : fromRpcStatus(error);
  return { id, error: { code, message } };
}

function printFailures(failures: readonly Failure[], terminal: Terminal): void {
  const columns = [{ title: "id" }, { title: "refused" }, { title: "why" }];
  const rows = failures.map(({ id, error }) => [id, error.code, error.message]);
  for (const line of tableLines(columns, rows, terminal)) terminal.data(line);
}
