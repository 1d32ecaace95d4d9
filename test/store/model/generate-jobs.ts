import type { BackoffPolicy, FailurePolicy, NewNode, NewTree, Trigger } from "../../../src/core/job.ts";
import { type Branch, child, type EdgeOptions, group, heir, type JobOptions, job, tree } from "../jobs.ts";
import type { Random } from "./random.ts";
import type { View } from "./view.ts";

export const queues = ["default", "mail", "slow"] as const;
export const types = ["test.v1.A", "test.v1.B"] as const;

const backoffs: readonly BackoffPolicy[] = [
  { kind: "FIXED", initialMs: 100, maxMs: 100, multiplier: 1, jitter: 0 },
  { kind: "LINEAR", initialMs: 70, maxMs: 200, multiplier: 1, jitter: 0.5 },
  { kind: "EXPONENTIAL", initialMs: 50, maxMs: 1_000, multiplier: 3, jitter: 1 },
];

/** A root with or without a tree; now and then one that repeats or contradicts an earlier one. */
export function anyTree(random: Random, view: View): NewTree {
  const earlier = [...view.dump.jobs.filter((each) => each.role === "ROOT"), ...view.removed];
  if (earlier.length > 0 && random.chance(0.07)) {
    const again = random.pick(earlier);
    const payload = random.chance(0.6) ? again.payload.bytes : "other";
    const root = job(random.chance(0.5) ? again.id : newId(view), {
      ...jobOptions(random, view),
      type: again.type,
      payload,
      ...(again.requestId !== undefined && { requestId: again.requestId }),
    });
    return tree(root);
  }
  const options = jobOptions(random, view);
  const requestId = random.chance(0.1) ? { requestId: `request-${view.made}` } : {};
  if (random.chance(0.13)) return failFastFamily(random, view);
  if (random.chance(0.03)) return tree(group(newId(view), { delayMs: random.int(0, 500) }));
  if (random.chance(0.25)) return tree(group(newId(view), { ...options, ...requestId }), ...branches(random, view, 0));
  const root = job(newId(view), { ...options, ...requestId });
  return random.chance(0.45) ? tree(root, ...branches(random, view, 0)) : tree(root);
}

/** A child whose failure cancels siblings, half of which have something below them. */
function failFastFamily(random: Random, view: View): NewTree {
  const slow = { maxAttempts: 3, backoff: { ...anyBackoff(random), initialMs: 900, maxMs: 2_000 } };
  const siblings = Array.from({ length: random.int(3, 4) }, (_, index) => {
    const below = index % 2 === 0 ? [child(newId(view), jobOptions(random, view))] : [];
    const late = index === 0 && random.chance(0.5) ? { delayMs: random.int(2_000, 6_000) } : {};
    return child(newId(view), { ...edgeOptions(random, view, "CHILD"), ...slow, ...late }, ...below);
  });
  const priority = random.pick([1, -1]); // before its siblings ran, or after
  const first = child(newId(view), { policy: "FAIL_FAST", type: types[0], queue: queues[0], priority });
  return tree(group(newId(view)), first, ...siblings);
}

/** What a handler declares with its success: mostly fitting, now and then more than its job can take. */
export function anyDeclaration(random: Random, view: View): readonly NewNode[] {
  if (random.chance(0.02)) return Array.from({ length: 17 }, () => heir(newId(view), jobOptions(random, view)));
  return branches(random, view, 3).map(({ edge, job: each }) => ({ edge, job: each }));
}

function branches(random: Random, view: View, depth: number): readonly Branch[] {
  const children = random.weighted([
    [2, 0],
    [4, 1],
    [4, 2],
    [1, 3],
    [0.3, 5],
  ]);
  const heirs = random.weighted([
    [4, 0],
    [5, 1],
    [2, 2],
    [0.5, 3],
  ]);
  const resultAt = random.chance(0.3) ? random.int(0, Math.max(0, heirs - 1)) : -1;
  const keyed = random.chance(0.2);
  const below = () => (depth < 3 && random.chance(0.35 - depth * 0.1) ? branches(random, view, depth + 1) : []);
  const made = [
    ...Array.from({ length: children }, (_, index) =>
      child(newId(view), { ...edgeOptions(random, view, "CHILD"), ...(keyed && { key: `k${index}` }) }, ...below()),
    ),
    ...Array.from({ length: heirs }, (_, index) =>
      heir(newId(view), { ...edgeOptions(random, view, "HEIR"), asResult: index === resultAt }, ...below()),
    ),
  ];
  if (random.chance(0.2)) made.reverse();
  return made;
}

export function edgeOptions(random: Random, view: View, role: "CHILD" | "HEIR"): EdgeOptions {
  const policy = random.weighted<FailurePolicy>([
    [4, "FAIL"],
    [2, "IGNORE"],
    [role === "CHILD" ? 3 : 0, "FAIL_FAST"],
  ]);
  const trigger: Trigger = role === "CHILD" ? "SUCCEEDED" : random.pick(["SUCCEEDED", "ANY_FAILED", "SETTLED"]);
  return { ...jobOptions(random, view), policy, trigger };
}

function jobOptions(random: Random, view: View): JobOptions {
  const start = random.weighted<JobOptions>([
    [7, {}],
    [2, { delayMs: random.int(0, 3_000) }],
    [1, { at: view.now + random.int(-1_000, 3_000) }],
  ]);
  return {
    ...start,
    type: random.pick(types),
    queue: random.pick(queues),
    payload: new Uint8Array(random.int(0, 12)).map(() => random.int(0, 255)),
    ...(random.chance(0.3) && { priority: random.int(-2, 2) }),
    ...(random.chance(0.4) && { maxAttempts: random.int(1, 3) }),
    ...(random.chance(0.3) && { backoff: random.pick(backoffs) }),
    ...(random.chance(0.2) && { timeoutMs: random.int(1_000, 60_000) }),
    ...(random.chance(0.2) && { metadata: { trace: `t${random.int(0, 9)}` } }),
    ...(random.chance(0.1) && { schemaId: "ab", principal: "someone" }),
  };
}

export function anyBackoff(random: Random): BackoffPolicy {
  return random.pick(backoffs);
}

export function newId(view: View): string {
  view.made += 1;
  return `j${view.made}`;
}
