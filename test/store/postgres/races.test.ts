import { test } from "node:test";
import { child, discard, group, heir, job, jobId, success, tree } from "../jobs.ts";
import { cancelling, type Racers, retrying, settling, type Turn, withRacers } from "./racers.ts";

/** Two calls that may meet, on a chain of its own whose ids begin with `at`. */
interface Meeting {
  readonly name: string;
  readonly set: (racers: Racers, at: string) => Promise<readonly [left: Turn, right: Turn]>;
}

const propagating: Turn = (writes) => writes.propagate({ max: 100 });
const cascading: Turn = (writes) => writes.cascade({ max: 2 });
const expanding: Turn = (writes) => writes.expand({ max: 2 });

/** A group whose children a (dead) and b, c (running) are beside an heir. */
async function oneDead(racers: Racers, at: string): Promise<void> {
  const children = ["a", "b", "c"].map((name) => child(`${at}${name}`, { maxAttempts: 1 }));
  await racers.insert(tree(group(`${at}g`), ...children, heir(`${at}h`, { trigger: "SETTLED" })));
  await racers.claim();
  await racers.settle({ [`${at}a`]: discard() });
}

/** A group whose child p has failed by its own child x; the end of p is not yet carried up. */
async function failedBelow(racers: Racers, at: string): Promise<void> {
  await racers.insert(tree(group(`${at}g`), child(`${at}p`, {}, child(`${at}x`)), child(`${at}q`), heir(`${at}h`)));
  await racers.claim();
  await racers.settle({ [`${at}p`]: success() });
  await racers.claim();
  await racers.settle({ [`${at}x`]: discard() });
}

/** A dead chain of a root and children a and b. */
async function deadChain(racers: Racers, at: string): Promise<void> {
  await racers.insert(tree(group(`${at}g`), child(`${at}a`), child(`${at}b`)));
  await racers.claim();
  await racers.settle({ [`${at}a`]: discard(), [`${at}b`]: discard() });
}

/** A job whose five staged children are counted and not yet in. */
async function expecting(racers: Racers, at: string): Promise<void> {
  await racers.insert(tree(job(`${at}p`)));
  await racers.claim();
  const nodes = Array.from({ length: 5 }, (_, index) => child(`${at}n${index}`));
  await racers.store.stage([{ leaseId: racers.lease(`${at}p`), seq: 1, nodes }]);
  await racers.settle({ [`${at}p`]: { kind: "success", nodes: [], staged: 5 } });
}

const meetings: readonly Meeting[] = [
  {
    name: "a cancel of a parent, its children and its heir, and the children's outcomes",
    async set(racers, at) {
      await oneDead(racers, at);
      const settle = [racers.outcome(`${at}b`, success()), racers.outcome(`${at}c`, discard())];
      return [cancelling(...["h", "g", "c", "b"].map((name) => jobId(at + name))), settling(...settle)];
    },
  },
  {
    name: "a retry and the outcome of a sibling",
    async set(racers, at) {
      await oneDead(racers, at);
      const settle = [racers.outcome(`${at}b`, success()), racers.outcome(`${at}c`, discard())];
      return [retrying(jobId(`${at}a`)), settling(...settle)];
    },
  },
  {
    name: "a retry and the propagation of the end that it takes back",
    async set(racers, at) {
      await failedBelow(racers, at);
      return [retrying(jobId(`${at}x`)), propagating];
    },
  },
  {
    name: "retries of siblings in contrary order",
    async set(racers, at) {
      await deadChain(racers, at);
      return [retrying(jobId(`${at}a`), jobId(`${at}b`)), retrying(jobId(`${at}b`), jobId(`${at}a`))];
    },
  },
  {
    name: "a removal and a retry below",
    async set(racers, at) {
      await deadChain(racers, at);
      return [(writes) => writes.remove([jobId(`${at}g`)], { max: 2 }), retrying(jobId(`${at}b`), jobId(`${at}a`))];
    },
  },
  {
    name: "a step of expand and a cancel of the parent",
    async set(racers, at) {
      await expecting(racers, at);
      return [expanding, cancelling(jobId(`${at}p`))];
    },
  },
  {
    name: "two steps of expand",
    async set(racers, at) {
      await expecting(racers, at);
      return [expanding, expanding];
    },
  },
  {
    name: "a step of cascade and the outcome of a node below",
    async set(racers, at) {
      await oneDead(racers, at);
      await cancelling(jobId(`${at}g`))(racers.store);
      return [cascading, settling(racers.outcome(`${at}b`, success()), racers.outcome(`${at}c`, discard()))];
    },
  },
  {
    name: "a step of bringing back and a retry below",
    async set(racers, at) {
      const slow = child(`${at}b`, { delayMs: 60_000 });
      await racers.insert(tree(group(`${at}g`), child(`${at}a`, { policy: "FAIL_FAST" }), slow, heir(`${at}h`)));
      await racers.claim();
      await racers.settle({ [`${at}a`]: discard() });
      await racers.upkeep();
      await retrying(jobId(`${at}a`))(racers.store);
      return [cascading, retrying(jobId(`${at}b`), jobId(`${at}h`))];
    },
  },
];

for (const { name, set } of meetings) {
  test(`races / ${name}: each waits for the other's commit, or need not`, { timeout: 60_000 }, () =>
    withRacers(async (racers) => {
      const [left, right] = await set(racers, "x-");
      await racers.overlap(left, right);
      await racers.upkeep();
      const [other, one] = await set(racers, "y-");
      await racers.overlap(one, other);
      await racers.finish();
    }),
  );

  test(`races / ${name}: at once, again and again, without a deadlock`, { timeout: 60_000 }, () =>
    withRacers(async (racers) => {
      for (let round = 0; round < 25; round += 1) {
        const [left, right] = await set(racers, `r${round}-`);
        if (round % 2 === 0) await racers.race(left, right);
        else await racers.race(right, left);
      }
      await racers.finish();
    }),
  );
}
