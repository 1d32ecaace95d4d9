import type { Progress } from "../../../gen/conveyor/v1/worker_service_pb.ts";
import { limits } from "../../core/limits.ts";
import type { LeaseId } from "../../core/names.ts";
import type { Clock } from "../../runtime/clock.ts";
import { invalidField } from "../../wire/invalid-field.ts";
import { progressFromWire } from "../../wire/progress.ts";
import type { HeldLeases } from "./held-leases.ts";
import type { Reporter } from "./reporter.ts";

/** Takes Progress frames in and stores at most one report a second of each lease: of those that come sooner, the newest. */
export interface ProgressDesk {
  /** Throws FRAME_INVALID or INVALID_NAME, and then nothing was taken. Of leases that are not held nothing is. */
  take(progress: Progress): void;
  /** Stores what has waited for its second. */
  look(): void;
  /** The lease ends: resolves when its last report is stored. Undefined: there is nothing to wait for. */
  settled(leaseId: LeaseId): Promise<void> | undefined;
}

interface Told {
  reportedAt: number;
  /** Came within the second of the report before it. */
  waiting: Uint8Array | undefined;
  underWay: Promise<void> | undefined;
}

export function createProgressDesk(options: {
  readonly leases: HeldLeases;
  readonly reporter: Reporter;
  readonly clock: Clock;
}): ProgressDesk {
  const { leases, reporter, clock } = options;
  const told = new Map<LeaseId, Told>();

  function take({ reports }: Progress): void {
    if (reports.length > limits.resultsPerFrameMax) {
      const problem = `at most ${limits.resultsPerFrameMax} in one frame, got ${reports.length}`;
      throw invalidField("FRAME_INVALID", "progress.reports", problem);
    }
    const read = reports.map((report, index) => progressFromWire(report, `progress.reports[${index}]`));
    for (const { leaseId, bytes } of read) {
      if (leases.get(leaseId) === undefined) continue;
      const before = told.get(leaseId);
      if (before === undefined)
        told.set(leaseId, { reportedAt: Number.NEGATIVE_INFINITY, waiting: bytes, underWay: undefined });
      else before.waiting = bytes;
    }
    look();
  }

  function look(): void {
    const now = clock.elapsed();
    for (const [leaseId, each] of told) {
      if (leases.get(leaseId) === undefined) told.delete(leaseId);
      else if (each.waiting !== undefined && each.reportedAt + limits.progressIntervalMs <= now) {
        each.reportedAt = now;
        report(leaseId, each);
      }
    }
  }

  function report(leaseId: LeaseId, each: Told): void {
    if (each.waiting === undefined) return;
    const work = reporter.report({ leaseId, bytes: each.waiting }).then(() => {
      if (each.underWay === work) each.underWay = undefined;
    });
    each.waiting = undefined;
    each.underWay = work;
  }

  return {
    take,
    look,
    settled(leaseId) {
      const last = told.get(leaseId);
      if (last === undefined) return undefined;
      told.delete(leaseId);
      report(leaseId, last);
      return last.underWay;
    },
  };
}
