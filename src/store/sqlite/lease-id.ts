import type { LeaseId } from "../../core/names.ts";

/**
 * A lease id holds the number of its job, so that an outcome finds its row by primary key without an index on leases.
 * It is unguessable and unique by the nonce of its claim, which leases a job at most once.
 */
export function leaseIdOf(seq: number, nonce: string): LeaseId {
  return `${seq.toString(36)}.${nonce}` as LeaseId;
}

/** The number of the job that the lease id names; 0, which no job has, when it names none. */
export function seqOfLease(leaseId: string): number {
  const end = leaseId.indexOf(".");
  if (end < 1 || end > 11) return 0;
  const seq = Number.parseInt(leaseId.slice(0, end), 36);
  return Number.isSafeInteger(seq) && seq > 0 ? seq : 0;
}
