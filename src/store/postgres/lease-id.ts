import type { LeaseId } from "../../core/names.ts";

/**
 * The number of the job that the lease id names; 0, which no job has, when it names none.
 * A lease id is `<number of its job>.<nonce of its claim>`: an outcome finds its row by primary key without an index on leases,
 * the nonce makes it unguessable and unique, since a claim leases a job at most once.
 */
export function seqOfLease(leaseId: string): number {
  const [text = "", nonce] = leaseId.split(".", 2);
  if (nonce === undefined || !/^[1-9][0-9]{0,15}$/.test(text)) return 0;
  const seq = Number(text);
  return Number.isSafeInteger(seq) ? seq : 0;
}
