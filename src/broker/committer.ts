import { ConveyorError, isConveyorError } from "../core/errors.ts";
import { createBatcher } from "../runtime/batcher.ts";
import type { Logger } from "../runtime/logger.ts";
import type {
  ClaimAnswer,
  ClaimItem,
  CommitAnswer,
  InsertAnswer,
  InsertItem,
  RenewAnswer,
  RenewItem,
  SettleAnswer,
  SettleItem,
} from "../store/commit.ts";
import type { Effects } from "../store/effects.ts";
import type { Store } from "../store/store.ts";
import { insertBytes, insertJobs, settleBytes, settleJobs } from "./weights.ts";

/** A claim that goes with the next commit. */
export interface PendingClaim {
  readonly item: ClaimItem;
  /** `effects` are those of the whole commit. */
  answer(answer: ClaimAnswer, effects: Effects): void;
  /** The commit failed. `unknown`: it may have been made all the same, else nothing was claimed. */
  fail(unknown: boolean): void;
}

/** Who wants jobs; asked when a batch is put together, so that a job can be inserted and claimed in one transaction. */
export interface ClaimSource {
  take(batch: {
    readonly settle: readonly SettleItem[];
    readonly insert: readonly InsertItem[];
  }): readonly PendingClaim[];
}

export interface CommitterOptions {
  readonly store: Store;
  readonly claims: ClaimSource;
  readonly onEffects: (effects: Effects) => void;
  readonly logger: Logger;
}

/**
 * The one way into `store.commit`. A call resolves when its change is durable; it throws STORE_UNAVAILABLE when that is not
 * known, STORE_FULL when nothing was changed, and INTERNAL when the store broke on this very item.
 */
export interface Committer {
  renew(item: RenewItem): Promise<RenewAnswer>;
  settle(item: SettleItem): Promise<SettleAnswer>;
  insert(item: InsertItem): Promise<InsertAnswer>;
  /** Commits soon, so that claims are asked for, even when there is nothing to write. */
  poke(): void;
  /** Resolves when nothing waits and nothing is in flight. */
  idle(): Promise<void>;
}

/** Jobs in one commit, beside those that it claims. More gain nothing (see bench), and an embedded store blocks the event loop as long. */
const jobsPerCommitMax = 500;
const bytesPerCommitMax = 8 * 1024 * 1024;
/** Where a store gains by it, a further commit begins beside one under way for so many jobs. */
const jobsAmple = 100;
const pendingJobsMax = 50_000;
const pendingBytesMax = 128 * 1024 * 1024;

type Write =
  | { readonly kind: "renew"; readonly item: RenewItem }
  | { readonly kind: "settle"; readonly item: SettleItem }
  | { readonly kind: "insert"; readonly item: InsertItem }
  | { readonly kind: "poke" };

type Written =
  | { readonly kind: "renew"; readonly answer: RenewAnswer }
  | { readonly kind: "settle"; readonly answer: SettleAnswer }
  | { readonly kind: "insert"; readonly answer: InsertAnswer }
  | { readonly kind: "poke" }
  | { readonly kind: "failed"; readonly error: unknown };

export function createCommitter(options: CommitterOptions): Committer {
  let poked = false;
  const batcher = createBatcher<Write, Written>({
    run: (writes) => run(writes),
    itemsMax: jobsPerCommitMax,
    bytesMax: bytesPerCommitMax,
    pendingMax: pendingJobsMax,
    pendingBytesMax,
    countOf: jobsOf,
    bytesOf,
    flightsMax: options.store.description.flights,
    itemsAmple: jobsAmple,
  });

  async function run(writes: readonly Write[], claiming = true): Promise<readonly Written[]> {
    if (writes.some((write) => write.kind === "poke")) poked = false;
    const batch = {
      renew: writes.flatMap((write) => (write.kind === "renew" ? [write.item] : [])),
      settle: writes.flatMap((write) => (write.kind === "settle" ? [write.item] : [])),
      insert: writes.flatMap((write) => (write.kind === "insert" ? [write.item] : [])),
    };
    const claims = claiming ? options.claims.take(batch) : [];
    if (claims.length === 0 && writes.every((write) => write.kind === "poke"))
      return writes.map(() => ({ kind: "poke" }));
    let answer: CommitAnswer;
    try {
      answer = await options.store.commit({ ...batch, claim: claims.map((claim) => claim.item) });
    } catch (error) {
      const unknown = isConveyorError(error) && error.code === "STORE_UNAVAILABLE";
      for (const claim of claims) claim.fail(unknown);
      return failed(writes, error, claims.length > 0);
    }
    // It is committed: whoever breaks on the news must not make it look undone.
    quietly(() => options.onEffects(answer.effects));
    for (const [index, claim] of claims.entries())
      quietly(() => claim.answer(at(answer.claimed, index), answer.effects));
    return answersOf(writes, answer);
  }

  /** A store that cannot be reached fails the batch; any other error is one item's fault: halves find it, and spare the rest. */
  async function failed(writes: readonly Write[], error: unknown, claimed: boolean): Promise<readonly Written[]> {
    if (isConveyorError(error)) return writes.map(() => ({ kind: "failed", error }));
    if (claimed) return run(writes, false);
    if (writes.length === 1) {
      options.logger.error("the store broke on one item", { kind: writes[0]?.kind, error });
      return [{ kind: "failed", error: new ConveyorError("INTERNAL", "the broker could not store this") }];
    }
    const half = Math.ceil(writes.length / 2);
    return [...(await run(writes.slice(0, half), false)), ...(await run(writes.slice(half), false))];
  }

  function quietly(tell: () => void): void {
    try {
      tell();
    } catch (error) {
      options.logger.error("news of a commit broke its hearer", { error });
    }
  }

  async function write<Kind extends Write["kind"]>(
    item: Write & { readonly kind: Kind },
  ): Promise<Extract<Written, { kind: Kind }>> {
    const written = await batcher.add(item);
    if (written.kind === "failed") throw written.error;
    return written as Extract<Written, { kind: Kind }>; // an answer has the kind of its item
  }

  return {
    renew: async (item) => (await write({ kind: "renew", item })).answer,
    settle: async (item) => (await write({ kind: "settle", item })).answer,
    insert: async (item) => (await write({ kind: "insert", item })).answer,
    poke() {
      if (poked) return;
      poked = true;
      // Its only failure is that of the claims that went with it, and those were told.
      void write({ kind: "poke" }).catch(() => undefined);
    },
    idle: () => batcher.idle(),
  };
}

function answersOf(writes: readonly Write[], answer: CommitAnswer): readonly Written[] {
  const next = { renew: 0, settle: 0, insert: 0 };
  return writes.map((write) => {
    switch (write.kind) {
      case "renew":
        return { kind: "renew", answer: at(answer.renewed, next.renew++) };
      case "settle":
        return { kind: "settle", answer: at(answer.settled, next.settle++) };
      case "insert":
        return { kind: "insert", answer: at(answer.inserted, next.insert++) };
      case "poke":
        return write;
      default:
        return write satisfies never;
    }
  });
}

function at<T>(answers: readonly T[], index: number): T {
  const answer = answers[index];
  if (answer === undefined) throw new Error(`the store gave no answer to item ${index}`);
  return answer;
}

function jobsOf(write: Write): number {
  switch (write.kind) {
    case "settle":
      return settleJobs(write.item);
    case "insert":
      return insertJobs(write.item);
    case "renew":
    case "poke":
      return 0;
    default:
      return write satisfies never;
  }
}

function bytesOf(write: Write): number {
  switch (write.kind) {
    case "settle":
      return settleBytes(write.item);
    case "insert":
      return insertBytes(write.item);
    case "renew":
    case "poke":
      return 0;
    default:
      return write satisfies never;
  }
}
