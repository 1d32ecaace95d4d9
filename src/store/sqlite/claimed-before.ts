import type { JobId } from "../../core/names.ts";
import { State } from "../codes.ts";
import type { Lease } from "../commit.ts";
import { type LeaseRow, leaseColumns, leaseOf } from "./lease.ts";
import type { Step } from "./step.ts";

const selectClaimed = `
  SELECT lane, ${leaseColumns("attempt")}
  FROM job INDEXED BY job_session CROSS JOIN payload ON payload.seq = job.seq
  WHERE session = ?+0 AND state = ${State.RUNNING} AND substr(lease, instr(lease, '.') + 1) = ''||?
  ORDER BY job.seq`;

/** What an earlier claim with this nonce leased and the session still holds, in the order of insertion. */
export function claimedBefore(step: Step, session: number, nonce: string): readonly Lease[] {
  const ids = new Map<number, JobId>();
  const rows = step.sql.tuples<[lane: number, ...row: LeaseRow]>(selectClaimed, session, nonce);
  return rows.map(([lane, ...row]) => leaseOf(step, row, { nonce, lane: step.mirror.lane(lane), ids }));
}
