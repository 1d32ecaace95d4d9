import { AttemptOutcome, type Job, JobRole, JobState } from "../../../gen/conveyor/v1/job_pb.ts";
import { isSame } from "./check-presence.ts";
import { endProblem } from "./end-rules.ts";
import { enumName } from "./enum-name.ts";
import type { Evidence } from "./evidence.ts";
import type { Finding } from "./finding.ts";
import { grouped } from "./grouped.ts";
import { scriptOf } from "./job-script.ts";
import type { Script } from "./script.ts";

/** All that a job declared is there once, ran in its turn, and every job ended as its script and its neighbours ask for. */
export function checkChains(evidence: Evidence): readonly Finding[] {
  const findings: Finding[] = [];
  for (const job of evidence.jobs.values()) {
    const script = scriptOf(job);
    if (script === undefined) {
      findings.push({ kind: "unexpected", job: job.id, text: "its payload is no script" });
      continue;
    }
    const below = evidence.below.get(job.id) ?? [];
    const declares = script.whole || job.attempts.some((attempt) => attempt.outcome === AttemptOutcome.SUCCEEDED);
    findings.push(...checkBelow(job, declares ? script : { ...script, children: [], heirs: [] }, below));
    findings.push(...checkTurns(job, below));
    const parent = evidence.jobs.get(job.parentId);
    const siblings = evidence.below.get(job.parentId) ?? [];
    const problem = endProblem({ job, script, below, parent, siblings, queues: evidence.queues });
    if (problem !== undefined)
      findings.push({
        kind: "unexpected",
        job: job.id,
        text: `${enumName(JobState, job.state)} ${job.reason}: ${problem}`,
      });
  }
  return findings;
}

/** The children and heirs are those of the script, each once. */
function checkBelow(job: Job, script: Script, below: readonly Job[]): readonly Finding[] {
  const findings: Finding[] = [];
  for (const [role, scripts] of [
    [JobRole.CHILD, script.children],
    [JobRole.HEIR, script.heirs],
  ] as const) {
    const found = new Map(
      grouped(
        below.filter((each) => each.role === role),
        (each) => each.key,
      ),
    );
    const what = role === JobRole.HEIR ? "heir" : "child";
    for (const each of scripts) {
      const own = found.get(each.key) ?? [];
      const [first, second] = own;
      found.delete(each.key);
      if (first === undefined)
        findings.push({ kind: "lost", job: job.id, text: `its ${what} ${each.key} does not exist` });
      else if (!isSame(first, each))
        findings.push({ kind: "unexpected", job: first.id, text: "its payload is not what its parent declared" });
      if (second !== undefined) {
        const kind = role === JobRole.HEIR ? "heir released twice" : "unexpected";
        findings.push({ kind, job: job.id, text: `${own.length} times the ${what} ${each.key}` });
      }
    }
    for (const key of found.keys())
      findings.push({ kind: "unexpected", job: job.id, text: `nobody declared its ${what} ${key}` });
  }
  return findings;
}

/** Nothing below a job was leased before the job's own run was accepted, no heir before the last child was terminal. */
function checkTurns(job: Job, below: readonly Job[]): readonly Finding[] {
  const findings: Finding[] = [];
  const children = below.filter((each) => each.role === JobRole.CHILD);
  const ran = timeOf(job.runEndTime);
  const settled = Math.max(ran, ...children.map((child) => timeOf(child.finishTime)));
  for (const each of below) {
    const first = each.attempts[0];
    if (first === undefined) continue;
    const early = (each.role === JobRole.HEIR ? settled : ran) - timeOf(first.claimTime);
    if (early > 0) findings.push({ kind: "unexpected", job: each.id, text: `leased ${early} ms before its turn` });
    if (timeOf(each.finishTime) > timeOf(job.finishTime))
      findings.push({ kind: "unexpected", job: job.id, text: `terminal before ${each.id} below it` });
  }
  return findings;
}

/** Milliseconds since the epoch; never for a time that is not there. */
export function timeOf(time: { readonly seconds: bigint; readonly nanos: number } | undefined): number {
  return time === undefined ? Number.POSITIVE_INFINITY : Number(time.seconds) * 1_000 + Math.floor(time.nanos / 1e6);
}
