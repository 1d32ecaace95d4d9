/**
 * The number of the job that the lease id names; 0, which no job has, when it cannot be one of ours: it must not reach the server
 * then, whose texts cannot hold every character.
 * A lease id is `<number of its job>.<nonce of its claim>`: an outcome finds its row by primary key without an index on leases,
 * the nonce makes it unguessable and unique, since a claim leases a job at most once.
 */
export function seqOfLease(leaseId: string): number {
  const [, digits = ""] = /^([1-9][0-9]{0,15})\.[\x21-\x7e]{1,200}$/.exec(leaseId) ?? [];
  const seq = Number(digits);
  return Number.isSafeInteger(seq) ? seq : 0;
}

export function isLeaseId(text: string): boolean {
  return seqOfLease(text) !== 0;
}
