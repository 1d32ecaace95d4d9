import type { Job } from "../../gen/conveyor/v1/job_pb.ts";

/** Dead jobs of one type that died of like errors. */
export interface DeadGroup {
  readonly type: string;
  readonly reason: string;
  /** Empty where no error was kept. */
  readonly fingerprint: string;
  readonly count: number;
  /** The newest, and the oldest that was listed. */
  readonly newest: Job;
  readonly oldest: Job;
}

/** Groups jobs, newest first, by type, reason and error fingerprint; the largest group first. */
export function deadGroups(jobs: readonly Job[]): readonly DeadGroup[] {
  const groups = new Map<string, DeadGroup>();
  for (const job of jobs) {
    const key = JSON.stringify([job.type, job.reason, job.errorFingerprint]);
    const group = groups.get(key);
    groups.set(key, {
      type: job.type,
      reason: job.reason,
      fingerprint: job.errorFingerprint,
      count: (group?.count ?? 0) + 1,
      newest: group?.newest ?? job,
      oldest: job,
    });
  }
  return [...groups.values()].sort((a, b) => b.count - a.count);
}
