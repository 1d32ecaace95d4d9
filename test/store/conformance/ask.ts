import assert from "node:assert/strict";
import type { NewNode } from "../../../src/core/job.ts";
import type {
  CancelAnswer,
  CancelAnswers,
  RemoveAnswer,
  RetryAnswer,
  RetryAnswers,
} from "../../../src/store/change.ts";
import type { StageAnswer } from "../../../src/store/stage.ts";
import { jobId } from "../jobs.ts";
import { only, type World } from "./world.ts";

/** Cancels one job; it must be there. */
export async function cancelJob(
  world: World,
  id: string,
  options: { readonly includeHeirs?: boolean } = {},
): Promise<CancelAnswers & { readonly answer: CancelAnswer }> {
  const told = await world.store.cancel([{ id: jobId(id), includeHeirs: options.includeHeirs ?? false }]);
  const answer = only(told.answers);
  assert.equal(answer.kind, "cancelled", id);
  return { ...told, answer };
}

export async function retryJob(
  world: World,
  id: string,
  expectedEpoch?: number,
): Promise<RetryAnswers & { readonly answer: RetryAnswer }> {
  const told = await world.store.retry([{ id: jobId(id), expectedEpoch }]);
  return { ...told, answer: only(told.answers) };
}

/** Retries one job, which must be taken. */
export async function revive(world: World, id: string): Promise<RetryAnswers> {
  const { answer, ...told } = await retryJob(world, id);
  assert.equal(answer.kind, "retried", `${id}: ${JSON.stringify(answer)}`);
  return told;
}

/** Asks for a retry that is refused: why, and who stands in the way. */
export async function refusal(world: World, id: string): Promise<readonly [why: string, blocker: string | undefined]> {
  const { answer } = await retryJob(world, id);
  assert.equal(answer.kind, "refused", `${id}: ${JSON.stringify(answer)}`);
  return answer.kind === "refused" ? [answer.why, answer.blocker] : ["", undefined];
}

/** Stages one frame under the job's lease in hand. */
export async function stage(world: World, id: string, seq: number, nodes: readonly NewNode[]): Promise<StageAnswer> {
  for (const node of nodes) world.see(node.job);
  const plain = nodes.map(({ edge, job }) => ({ edge, job }));
  return only(await world.store.stage([{ leaseId: world.lease(id).leaseId, seq, nodes: plain }]));
}

export async function remove(world: World, id: string, max = 1_000): Promise<RemoveAnswer> {
  return only(await world.store.remove([jobId(id)], { max }));
}

/** Ids of all jobs that are there. */
export async function present(world: World): Promise<readonly string[]> {
  return (await world.store.dump()).jobs.map((job) => job.id as string).toSorted();
}
