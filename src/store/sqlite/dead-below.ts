import type { JobId } from "../../core/names.ts";
import { Reason, Role, RunCode, State } from "../codes.ts";
import { isNotOk } from "./barrier.ts";
import type { JobRow } from "./job-row.ts";
import type { Step } from "./step.ts";

/** Whether there is a dead run in a chain that failed; if not, the cancelled job that made it fail, where there is one. */
export type DeadBelow = { readonly kind: "some" } | { readonly kind: "none"; readonly blocker: JobId | undefined };

// Dead jobs that are reached through dead jobs alone.
const selectDeadRun = `
  WITH RECURSIVE dead (seq, run) AS (
    SELECT ?+0, ${RunCode.SUCCEEDED}
    UNION ALL
    SELECT j.seq, j.run FROM dead CROSS JOIN job j INDEXED BY job_bad
    ON j.parent = dead.seq AND j.parent IS NOT NULL AND j.state >= ${State.DEAD} AND j.role > 0 AND j.state = ${State.DEAD})
  SELECT 1 FROM dead WHERE run = ${RunCode.DEAD} LIMIT 1`;

const selectBad = (role: number, also: string): string => `
  SELECT seq, id, role, policy, state, reason, position FROM job INDEXED BY job_bad
  WHERE parent = ?+0 AND parent IS NOT NULL AND state >= ${State.DEAD} AND role = ${role} AND policy <> 1 ${also}
  ORDER BY position LIMIT 1`;
const selectBadChild = selectBad(Role.CHILD, "");
const selectBadHeir = selectBad(
  Role.HEIR,
  `AND (state = ${State.DEAD} OR state = ${State.CANCELLED} AND reason = ${Reason.REQUESTED})`,
);

type BadRow = Pick<JobRow, "seq" | "id" | "role" | "policy" | "state" | "reason"> & { readonly position: number };

export function deadBelow(step: Step, row: Pick<JobRow, "seq">): DeadBelow {
  if (step.sql.tuple(selectDeadRun, row.seq) !== undefined) return { kind: "some" };
  for (let above = row.seq; ; ) {
    const first = firstNotOk(step, above);
    if (first === undefined) return { kind: "none", blocker: undefined };
    if (first.state === State.CANCELLED) return { kind: "none", blocker: first.id };
    above = first.seq;
  }
}

/** The first node directly below a job that counts against it. */
function firstNotOk(step: Step, parent: number): BadRow | undefined {
  const rows = [selectBadChild, selectBadHeir].flatMap((text) => step.sql.row<BadRow>(text, parent) ?? []);
  return rows.filter(isNotOk).sort((left, right) => left.position - right.position)[0];
}
