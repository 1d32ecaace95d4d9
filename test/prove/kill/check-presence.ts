import { isDeepStrictEqual } from "node:util";
import { AttemptOutcome, type Job, JobState } from "../../../gen/conveyor/v1/job_pb.ts";
import { enumName } from "./enum-name.ts";
import type { Evidence } from "./evidence.ts";
import type { Finding } from "./finding.ts";
import { scriptOf } from "./job-script.ts";
import { type Script, typeNames } from "./script.ts";

/** Every acknowledged root is in the store, once, as it was meant; and nothing is there that nobody meant. */
export function checkPresence({ intents, acks, jobs, starts }: Evidence): readonly Finding[] {
  const findings: Finding[] = [];
  const scripts = new Map(intents.map(({ root }) => [root.script.key, root.script]));
  const idOfKey = new Map<string, string>();
  for (const ack of acks) {
    const before = idOfKey.get(ack.key) ?? ack.jobId;
    if (before !== ack.jobId)
      findings.push({ kind: "unexpected", job: ack.key, text: `acknowledged as ${before} and as ${ack.jobId}` });
    idOfKey.set(ack.key, ack.jobId);
    if (!jobs.has(ack.jobId))
      findings.push({ kind: "lost", job: ack.jobId, text: "acknowledged, and not in the store" });
  }
  for (const key of scripts.keys()) {
    if (!idOfKey.has(key)) findings.push({ kind: "stuck", job: key, text: "enqueued, and never acknowledged" });
  }
  const keysSeen = new Set<string>();
  for (const job of jobs.values()) {
    if (job.parentId === "") findings.push(...checkRoot(job, scripts, keysSeen));
  }
  for (const jobId of starts.keys()) {
    if (!jobs.has(jobId)) findings.push({ kind: "unexpected", job: jobId, text: "ran, and is not in the store" });
  }
  return findings;
}

function checkRoot(job: Job, scripts: ReadonlyMap<string, Script>, keysSeen: Set<string>): readonly Finding[] {
  const unexpected = (text: string): readonly Finding[] => [{ kind: "unexpected", job: job.id, text }];
  const key = job.requestId === "" ? job.id : job.requestId;
  const script = scripts.get(key);
  if (script === undefined) return unexpected("a root that no producer meant");
  if (keysSeen.has(key)) return unexpected(`a second job for the key ${key}`);
  keysSeen.add(key);
  return isSame(job, script) ? [] : unexpected("its payload or type is not what the producer wrote down");
}

/** The job has the type and the payload that its script asks for. */
export function isSame(job: Job, script: Script): boolean {
  return job.type === typeNames[script.type] && isDeepStrictEqual(scriptOf(job), script);
}

const terminal: readonly JobState[] = [JobState.COMPLETED, JobState.DEAD, JobState.CANCELLED];

/** Jobs that never reached an end, and ends that no handler stands behind. */
export function checkEnds({ jobs, ends }: Evidence): readonly Finding[] {
  const findings: Finding[] = [];
  for (const job of jobs.values()) {
    if (!terminal.includes(job.state)) {
      findings.push({ kind: "stuck", job: job.id, text: `still ${enumName(JobState, job.state)}` });
    }
    const succeeded = job.attempts.find((attempt) => attempt.outcome === AttemptOutcome.SUCCEEDED);
    if (job.state === JobState.COMPLETED && succeeded === undefined && job.type !== typeNames.group) {
      findings.push({ kind: "lost", job: job.id, text: "COMPLETED without an attempt that succeeded" });
    }
    const own = ends.get(job.id)?.some((end) => end.attempt === succeeded?.number && end.how === "success");
    if (succeeded !== undefined && own !== true) {
      findings.push({
        kind: "lost",
        job: job.id,
        text: `attempt ${succeeded.number} counts as a success, and no handler finished it`,
      });
    }
  }
  return findings;
}
