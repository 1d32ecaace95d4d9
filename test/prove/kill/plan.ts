import { createRandom, type Random } from "./random.ts";
import { nodeCount, type PlannedRoot, type Script } from "./script.ts";

/** Everything that one run enqueues, by its seed: about `jobs` jobs, of which at least `chains` are chains of three levels. */
export function planRoots({
  seed,
  jobs,
  chains,
}: {
  readonly seed: number;
  readonly jobs: number;
  readonly chains: number;
}): readonly PlannedRoot[] {
  const random = createRandom(seed);
  const roots: PlannedRoot[] = [];
  let count = 0;
  for (let index = 0; index < chains; index += 1) {
    const static_ = index % 10 === 9;
    const script = static_ ? staticTree(random, `tree-${seed}-${index}`) : album(random, `chain-${seed}-${index}`, 2);
    count += nodeCount(script);
    roots.push({
      script,
      how: static_ ? "tree" : random.pick(["id", "request"]),
      delayMs: random.chance(0.1) ? 500 : 0,
      priority: random.integer(-2, 5),
    });
  }
  for (let index = 0; count < jobs; index += 1, count += 1) {
    roots.push({
      script: leaf(random, `plain-${seed}-${index}`, random.pick(["mail", "mail", "chore", "image"])),
      how: random.pick(["id", "request"]),
      delayMs: random.chance(0.05) ? random.integer(1, 2_000) : 0,
      priority: random.integer(-2, 5),
    });
  }
  return shuffled(random, roots);
}

/** A parent that declares images, parents below it down to `levels`, and heirs. */
function album(random: Random, key: string, levels: number): Script {
  const images = Array.from({ length: random.integer(3, 8) }, (_, index) => child(random, `image-${index}`, "image"));
  const chores = Array.from({ length: random.integer(0, 3) }, (_, index) => child(random, `chore-${index}`, "chore"));
  const albums =
    levels > 1 || (levels === 1 && random.chance(0.2))
      ? Array.from({ length: random.integer(1, 2) }, (_, index) => ({
          ...album(random, `album-${index}`, levels - 1),
          policy: random.pick(["FAIL", "IGNORE"] as const),
        }))
      : [];
  return {
    ...leaf(random, key, "album"),
    does: "succeed",
    failures: random.chance(0.1) ? 1 : 0,
    children: [...images, ...chores, ...albums],
    heirs: heirs(random, true),
  };
}

/** Always one SUCCEEDED page that gives the result; by chance a chore for either case, and one that has children itself. */
function heirs(random: Random, nested: boolean): readonly Script[] {
  const always = { ...leaf(random, "page", "page"), does: "succeed" as const, asResult: true };
  const found: Script[] = [{ ...always, ms: random.integer(100, 500) }];
  if (random.chance(0.3)) found.push({ ...leaf(random, "settled", "chore"), trigger: "SETTLED", policy: "IGNORE" });
  if (random.chance(0.3))
    found.push({ ...leaf(random, "any-failed", "chore"), trigger: "ANY_FAILED", does: "succeed" });
  if (nested && random.chance(0.2)) {
    found.push({
      ...leaf(random, "nested", "album"),
      trigger: "SETTLED",
      does: "succeed",
      children: [child(random, "image", "image"), child(random, "chore", "chore")],
      heirs: heirs(random, false),
    });
  }
  return found;
}

function child(random: Random, key: string, type: "image" | "chore"): Script {
  return { ...leaf(random, key, type), policy: random.pick(["FAIL", "FAIL", "IGNORE", "IGNORE", "FAIL_FAST"]) };
}

function leaf(random: Random, key: string, type: Script["type"]): Script {
  const roll = random.next();
  return {
    key,
    type,
    ms: random.integer(5, 500),
    does: roll < 0.02 ? "fail" : roll < 0.03 ? "discard" : roll < 0.06 ? "snooze" : "succeed",
    failures: random.chance(0.08) ? random.integer(1, 2) : 0,
    policy: "FAIL",
    trigger: "SUCCEEDED",
    asResult: false,
    whole: false,
    children: [],
    heirs: [],
  };
}

/** A tree that is enqueued whole; a Group or an album at its root, three levels. */
function staticTree(random: Random, key: string): Script {
  const middle = (index: number): Script => ({
    ...leaf(random, `middle-${index}`, "chore"),
    whole: true,
    children: [child(random, "image-0", "image"), child(random, "image-1", "image")],
    heirs: [{ ...leaf(random, "last", "chore"), trigger: "SETTLED" }],
  });
  return {
    ...leaf(random, key, "group"),
    does: "group",
    failures: 0,
    whole: true,
    children: [middle(0), middle(1), child(random, "chore", "chore")],
    heirs: [{ ...leaf(random, "page", "page"), does: "succeed" }],
  };
}

function shuffled<T>(random: Random, items: readonly T[]): readonly T[] {
  const left = [...items];
  for (let index = left.length - 1; index > 0; index -= 1) {
    const other = random.integer(0, index);
    const [here, there] = [left[index], left[other]];
    if (here === undefined || there === undefined) continue;
    left[index] = there;
    left[other] = here;
  }
  return left;
}
