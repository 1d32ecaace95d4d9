import { type BulkFailure, JobService } from "../../gen/conveyor/v1/job_service_pb.ts";
import type { ConveyorError } from "../core/errors.ts";
import { fromRpcStatus } from "../wire/error-status.ts";
import type { Calls } from "./calls.ts";
import { type JobFilter, jobFilterToWire } from "./job-filter.ts";

/** How far a call about many jobs is, or what it did in the end. */
export interface BulkResult {
  /** Jobs that match; for a deletion, chains. */
  readonly matched: number;
  /** Those of them that were changed; 0 in a dry run. */
  readonly changed: number;
  /** Those that could not be. */
  readonly failed: number;
  /** Why, of the first 100 of them. */
  readonly failures: readonly { readonly id: string; readonly error: ConveyorError }[];
}

export interface BulkOptions {
  /** Only counts what matches. */
  readonly dryRun?: boolean | undefined;
  /** Jobs a call, 1 to 1,000; 500 when left out. */
  readonly pageSize?: number | undefined;
  /** Called after each page with the sums so far. */
  readonly onProgress?: ((soFar: BulkResult) => void) | undefined;
  /** Stops between two pages, or within one whose work may still be done. */
  readonly signal?: AbortSignal | undefined;
}

export interface BulkCancelOptions extends BulkOptions {
  /** No heir of the chains below runs, whatever its trigger. */
  readonly includeHeirs?: boolean | undefined;
}

const failuresMax = 100;

interface Page {
  readonly matched: number;
  readonly changed: number;
  readonly failures: readonly BulkFailure[];
  readonly nextPageToken: string;
}

/** Cancels what matches and has not ended, page by page. INVALID_OPTION for an empty filter. */
export function cancelJobs(calls: Calls, filter: JobFilter, options: BulkCancelOptions): Promise<BulkResult> {
  const { includeHeirs = false, signal } = options;
  return allPages(filter, options, (request) =>
    calls.call(JobService.method.cancelJobs, { ...request, includeHeirs }, { signal }),
  );
}

/** Retries what matches, dead jobs when the filter names no states. INVALID_OPTION for an empty filter. */
export function retryJobs(calls: Calls, filter: JobFilter, options: BulkOptions): Promise<BulkResult> {
  const { signal } = options;
  return allPages(filter, options, (request) => calls.call(JobService.method.retryJobs, request, { signal }));
}

/** Removes the terminal chains whose root matches. INVALID_OPTION for an empty filter. */
export function deleteJobs(calls: Calls, filter: JobFilter, options: BulkOptions): Promise<BulkResult> {
  const { signal } = options;
  return allPages(filter, options, (request) => calls.call(JobService.method.deleteJobs, request, { signal }));
}

async function allPages(
  filter: JobFilter,
  { dryRun = false, pageSize = 0, onProgress }: BulkOptions,
  call: (request: {
    readonly filter: ReturnType<typeof jobFilterToWire>;
    readonly validateOnly: boolean;
    readonly pageSize: number;
    readonly pageToken: string;
  }) => Promise<Page>,
): Promise<BulkResult> {
  const request = { filter: jobFilterToWire(filter), validateOnly: dryRun, pageSize };
  let sum: BulkResult = { matched: 0, changed: 0, failed: 0, failures: [] };
  let pageToken = "";
  do {
    const page = await call({ ...request, pageToken });
    sum = plus(sum, page);
    onProgress?.(sum);
    pageToken = page.nextPageToken;
  } while (pageToken !== "");
  return sum;
}

function plus(sum: BulkResult, { matched, changed, failures }: Page): BulkResult {
  const some = failures.slice(0, failuresMax - sum.failures.length);
  return {
    matched: sum.matched + matched,
    changed: sum.changed + changed,
    failed: sum.failed + failures.length,
    failures: [...sum.failures, ...some.flatMap(({ id, error }) => (error ? { id, error: fromRpcStatus(error) } : []))],
  };
}
