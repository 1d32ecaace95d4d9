import { invalidField } from "../../wire/invalid-field.ts";
import type { WorkerReport } from "../../wire/window.ts";
import type { HeldLease, HeldLeases } from "./held-leases.ts";

/** A worker cannot have received more than was `delivered`: FRAME_INVALID. */
export function checkReceived({ receivedThrough }: WorkerReport, delivered: number): void {
  if (receivedThrough <= BigInt(delivered)) return;
  const problem = `${delivered} jobs were delivered, got ${receivedThrough}`;
  throw invalidField("FRAME_INVALID", "heartbeat.received_through", problem);
}

/**
 * Takes a report into `leases` at the time `now` and answers those that never reached the worker: delivered before the report,
 * not held, and without a result. What is no longer named as buffered has started.
 */
export function reconcile(leases: HeldLeases, report: WorkerReport, now: number): readonly HeldLease[] {
  const held = new Set(report.held);
  const buffered = new Set(report.buffered);
  const receivedThrough = Number(report.receivedThrough);
  const never: HeldLease[] = [];
  for (const lease of leases.all()) {
    if (lease.seq > receivedThrough) continue;
    if (!held.has(lease.leaseId)) never.push(lease);
    else if (buffered.has(lease.leaseId)) lease.startedAt = undefined;
    else lease.startedAt ??= now;
  }
  return never;
}
