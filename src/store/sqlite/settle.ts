import { type ErrorCode, errorStatus } from "../../core/errors.ts";
import type { TypedBytes } from "../../core/job.ts";
import type { JobId } from "../../core/names.ts";
import { Recorded, Role, RunCode, recordedOf, Sent, State, stateOf } from "../codes.ts";
import type { SettleAnswer, SettleItem } from "../commit.ts";
import { flip } from "./barrier.ts";
import { endLease } from "./end-lease.ts";
import { ended, type JobRow, loadJob } from "./job-row.ts";
import { seqOfLease } from "./lease-id.ts";
import { count, type Step } from "./step.ts";
import { succeed } from "./succeed.ts";

type HotRow = readonly [
  id: JobId,
  lane: number,
  state: number,
  lease: string | null,
  cancel: number,
  below: number,
  parent: number | null,
  role: number,
  policy: number,
  staged: number,
];

const selectHot = "SELECT id, lane, state, lease, cancel, below, parent, role, policy, staged FROM job WHERE seq = ?";

const completeHot = `
  UPDATE job SET
    state = ${State.COMPLETED}, run = ${RunCode.SUCCEEDED}, sent = ${Sent.success}, recorded = ${Recorded.SUCCEEDED},
    ran_at = ?, finished_at = ?, updated_at = ?, version = version + 1, edge_flipped = ?,
    result_type = ?, result = ?
  WHERE seq = ? AND lease = ? AND state = ${State.RUNNING} AND cancel = 0 AND below = 0`;

/** Takes the outcome of one lease, if that is its job's newest and still live; else says what stands. */
export function settle(step: Step, item: SettleItem): SettleAnswer {
  const { leaseId, outcome } = item;
  const seq = seqOfLease(leaseId);
  const hot = step.sql.tuple<HotRow>(selectHot, seq);
  if (hot === undefined) return { kind: "lost" };
  const [, , state, lease, cancel, below, , , , staged] = hot;
  if (lease !== leaseId) return { kind: "lost" };
  const isSuccess =
    outcome.kind === "success" &&
    outcome.nodes.length === 0 &&
    item.sent === "success" &&
    item.problem === undefined &&
    (outcome.staged ?? 0) === 0;
  if (state === State.RUNNING && cancel === 0 && below === 0 && staged === 0 && isSuccess) {
    return complete(step, { seq, leaseId, hot, result: outcome.result });
  }
  const row = loadJob(step, seq);
  if (row === undefined) return { kind: "lost" };
  if (state !== State.RUNNING) return answerEnded(row, item);
  const by = { sent: Sent[item.sent], jitter: item.jitter, problem: item.problem };
  const end = outcome.kind === "success" ? succeed(step, row, outcome, by) : endLease(step, row, outcome, by);
  const { recorded, problem } = end;
  return { kind: "accepted", jobId: row.id, recorded, state: stateOf(end.state), problem };
}

/** The usual case in one guarded write: a success that declares nothing, of a job with nothing below it. */
function complete(
  step: Step,
  lease: {
    readonly seq: number;
    readonly leaseId: string;
    readonly hot: HotRow;
    readonly result: TypedBytes | undefined;
  },
): SettleAnswer {
  const { seq, leaseId, hot, result } = lease;
  const [id, lane, , , , , parent, role, policy] = hot;
  const type = result === undefined ? null : step.mirror.nameOf(result.type);
  const flipped = role === Role.ROOT ? 0 : 1;
  step.sql.object(completeHot).run(step.now, step.now, step.now, flipped, type, result?.bytes ?? null, seq, leaseId);
  count(step, lane, State.RUNNING, -1);
  count(step, lane, State.COMPLETED, 1);
  if (parent !== null) flip(step, { parent, role, policy, state: State.COMPLETED, reason: 0 });
  ended(step, { seq, id, state: State.COMPLETED });
  return { kind: "accepted", jobId: id, recorded: "SUCCEEDED", state: "COMPLETED", problem: undefined };
}

/** The newest lease has ended: its worker repeats itself, says something else, or had lost it. */
function answerEnded(row: JobRow, item: SettleItem): SettleAnswer {
  if (row.sent === 0) return { kind: "lost" };
  const recorded = recordedOf(row.recorded);
  if (row.sent !== Sent[item.sent]) return { kind: "conflict", jobId: row.id, recorded };
  return { kind: "repeated", jobId: row.id, recorded, state: stateOf(row.state), problem: problemOf(row.problem) };
}

function problemOf(text: string | null): ErrorCode | undefined {
  return text !== null && text in errorStatus ? (text as ErrorCode) : undefined;
}
