import type { LeaseId } from "../../core/names.ts";
import type { Tables } from "./tables.ts";

/** Who opened the session that the lease was given to; the lease tells, since sessions go when they end. */
export function leasePrincipal(tables: Tables, leaseId: LeaseId): string | undefined {
  return tables.jobOfLease(leaseId)?.lease?.principal;
}
