import type { JobProgress } from "../../gen/conveyor/v1/job_pb.ts";
import type { ProgressReport } from "../../gen/conveyor/v1/worker_service_pb.ts";
import { limits } from "../core/limits.ts";
import type { Clock } from "../runtime/clock.ts";
import { createDeadlines } from "./deadlines.ts";

/** What handlers say of how far they are, on its way to the broker. */
export interface ProgressPost {
  /** The newest counts. `bytes`: its size. */
  tell(leaseId: string, progress: JobProgress, bytes: number): void;
  /** The handler has ended: what it said last goes now. */
  ended(leaseId: string): void;
  /** The next frame's worth; empty when nothing is due. */
  take(): ProgressReport[];
  clear(): void;
}

interface Told {
  sentAt: number;
  waiting: { readonly progress: JobProgress; readonly bytes: number } | undefined;
  over: boolean;
}

const frameBytesSoft = 256 * 1024;

/** At most one report a second of each lease, and the last one before its result. */
export function createProgressPost(options: { readonly clock: Clock; readonly onReady: () => void }): ProgressPost {
  const { clock, onReady } = options;
  const told = new Map<string, Told>();
  const due = new Set<string>();
  const waits = createDeadlines<string>(clock, goesNow);

  function goesNow(leaseId: string): void {
    waits.remove(leaseId);
    due.add(leaseId);
    onReady();
  }

  return {
    tell(leaseId, progress, bytes) {
      const each = told.get(leaseId) ?? { sentAt: Number.NEGATIVE_INFINITY, waiting: undefined, over: false };
      told.set(leaseId, each);
      const isFirst = each.waiting === undefined;
      each.waiting = { progress, bytes };
      if (!isFirst) return;
      const at = each.sentAt + limits.progressIntervalMs;
      if (at <= clock.elapsed()) goesNow(leaseId);
      else waits.add(leaseId, at);
    },
    ended(leaseId) {
      const each = told.get(leaseId);
      if (each === undefined) return;
      each.over = true;
      if (each.waiting === undefined) told.delete(leaseId);
      else goesNow(leaseId);
    },
    take() {
      const reports: ProgressReport[] = [];
      let bytes = 0;
      for (const leaseId of due) {
        const each = told.get(leaseId);
        bytes += each?.waiting?.bytes ?? 0;
        if (reports.length >= limits.resultsPerFrameMax || (reports.length > 0 && bytes > frameBytesSoft)) break;
        due.delete(leaseId);
        if (each?.waiting === undefined) continue;
        reports.push({ $typeName: "conveyor.v1.ProgressReport", leaseId, progress: each.waiting.progress });
        each.sentAt = clock.elapsed();
        each.waiting = undefined;
        if (each.over) told.delete(leaseId);
      }
      return reports;
    },
    clear() {
      waits.clear();
    },
  };
}
