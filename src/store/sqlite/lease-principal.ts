import type { LeaseId } from "../../core/names.ts";
import { seqOfLease } from "./lease-id.ts";
import type { Reading } from "./transactions.ts";

const selectPrincipal = `
  SELECT session.principal FROM job JOIN session ON session.seq = job.session WHERE job.seq = ? AND job.lease = ?`;

/** Who opened the session that the lease was given to; rows of sessions stay when they end. */
export function leasePrincipal(reading: Reading, leaseId: LeaseId): string | undefined {
  const [principal] = reading.sql.tuple<[string]>(selectPrincipal, seqOfLease(leaseId), leaseId) ?? [];
  return principal;
}
