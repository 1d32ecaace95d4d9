import { rememberedMs } from "../../core/job.ts";
import type { JobId } from "../../core/names.ts";
import type { RemoveAnswer } from "../change.ts";
import { stateOf } from "../codes.ts";
import { type Writing, write } from "./calls.ts";
import { findJobs } from "./find-jobs.ts";
import { listOf, numberOf, textOf, type Unpacked } from "./msgpack.ts";

/** Jobs that one run of a script removes: more would keep the server from all others for too long. */
export const removedMax = 500;
/** Roots that one run of a script looks at. */
const rootsMax = 250;

/** Removes chains by their roots, in their order, at most `max` jobs in all. */
export async function remove(writing: Writing, roots: readonly JobId[], max: number): Promise<readonly RemoveAnswer[]> {
  const answers: RemoveAnswer[] = [];
  let left = max;
  for (const part of await partsOf(writing, roots)) {
    const some = await removeSome(writing, part, left);
    for (const answer of some) if (answer.kind === "removed") left -= answer.count;
    answers.push(...some);
  }
  return answers;
}

interface Part {
  readonly shard: number;
  readonly roots: readonly JobId[];
}

/** Stretches of roots that lie on one shard. */
async function partsOf({ connection }: Writing, roots: readonly JobId[]): Promise<readonly Part[]> {
  const found = connection.shards === 1 ? [] : await findJobs(connection, roots);
  const parts: { readonly shard: number; readonly roots: JobId[] }[] = [];
  for (const [index, root] of roots.entries()) {
    const shard = found[index]?.shard ?? 0;
    const last = parts.at(-1);
    if (last?.shard === shard && last.roots.length < rootsMax) last.roots.push(root);
    else parts.push({ shard, roots: [root] });
  }
  return parts;
}

async function removeSome(writing: Writing, { shard, roots }: Part, max: number): Promise<readonly RemoveAnswer[]> {
  let left = max;
  const step = async (asked: readonly (JobId | number)[]): Promise<readonly Unpacked[]> => {
    const request = [Math.min(left, removedMax), rememberedMs, [...asked]];
    const answers = listOf(await write(writing, { script: "remove", shard, request }));
    left -= answers.reduce<number>((sum, answer) => sum + (countOf(answer) ?? 0), 0);
    return answers;
  };
  const answers: RemoveAnswer[] = [];
  for (const answer of await step(roots)) {
    let done = readAnswer(answer);
    // All of them are marked by now: what is left of each goes in steps.
    while (done.kind === "removed" && done.more && left > 0) {
      const [again = false] = await step([numberOf(listOf(answer)[3])]);
      const more = readAnswer(again);
      if (more.kind !== "removed") break;
      done = { kind: "removed", count: done.count + more.count, more: more.more };
    }
    answers.push(done);
  }
  return answers;
}

const Answer = { removed: 0, open: 1, below: 2 } as const;

function countOf(answer: Unpacked): number | undefined {
  const [kind, count] = answer === false ? [] : listOf(answer);
  return kind === Answer.removed ? numberOf(count) : undefined;
}

function readAnswer(answer: Unpacked): RemoveAnswer {
  if (answer === false) return { kind: "missing" };
  const [kind, value, more] = listOf(answer);
  if (kind === Answer.open) return { kind: "open", state: stateOf(numberOf(value)) };
  // Names in the store were checked before they were stored.
  if (kind === Answer.below) return { kind: "below", rootId: textOf(value) as JobId };
  return { kind: "removed", count: numberOf(value), more: more === 1 };
}
