// Three workers in one process: node worker.ts BROKER BROKER CHAINS SEED. The first broker's takes the left children of all chains, the
// other's the right ones; each child waits for its sibling, and both results leave in the same turn of the event loop.
import {
  ChoreSchema,
  MakeAlbumSchema,
  PublishAlbumSchema,
  ResizeImageSchema,
  SendEmailSchema,
} from "../../../gen/shop/v1/shop_pb.ts";
import { createWorker, type WorkerOptions } from "../../../src/index.ts";
import { createRandom } from "../kill/random.ts";

const [leftBroker = "", rightBroker = "", chains = "", seed = ""] = process.argv.slice(2);
const random = createRandom(Number(seed));
/** So many pairs leave at once; the last ones do when nobody has come for a while. */
const pairsMax = 200;
const idleMs = 100;

type Side = Map<string, () => void>;
const left: Side = new Map();
const right: Side = new Map();
let pairs: string[] = [];
let wanted = random.integer(1, pairsMax);
let idle: NodeJS.Timeout | undefined;

/** Resolves in the same turn as the sibling's call. */
function meet(own: Side, other: Side, chain: string): Promise<void> {
  return new Promise((resolve) => {
    own.set(chain, resolve);
    if (other.has(chain)) pairs.push(chain);
    if (pairs.length >= wanted) leave();
    clearTimeout(idle);
    idle = setTimeout(leave, idleMs);
  });
}

function leave(): void {
  const leaving = pairs;
  pairs = [];
  wanted = random.integer(1, pairsMax);
  // In opposite orders, so that whoever locks in the order of arrival is found out.
  for (const chain of leaving) letGo(left, chain);
  for (const chain of leaving.toReversed()) letGo(right, chain);
}

function letGo(side: Side, chain: string): void {
  side.get(chain)?.();
  side.delete(chain);
}

const heirs = new Map<string, number>();
const errors: string[] = [];
const options = (name: string, concurrency: number): WorkerOptions => ({
  name,
  concurrency,
  window: concurrency,
  onError: (error, { kind }) => void errors.push(`${name}, ${kind}: ${error instanceof Error ? error.message : error}`),
});

/** All chains that are open at a time fit into the hands of each, or siblings would wait for ever. */
const handsMax = 2_000;
const workers = [
  createWorker(leftBroker, options("left", handsMax)).handle(ResizeImageSchema, async ({ path }) => {
    await meet(left, right, path);
    return { path };
  }),
  createWorker(rightBroker, options("right", handsMax)).handle(SendEmailSchema, async ({ to }) => {
    await meet(right, left, to);
    return { messageId: to };
  }),
  createWorker([...new Set([leftBroker, rightBroker])].join(","), options("others", 100))
    .handle(MakeAlbumSchema, ({ folder }, context) => {
      context.child(ResizeImageSchema, { path: folder });
      context.child(SendEmailSchema, { to: folder });
      return context.heir(PublishAlbumSchema, { title: folder }, { asResult: true });
    })
    .handle(PublishAlbumSchema, ({ title }) => {
      heirs.set(title, (heirs.get(title) ?? 0) + 1);
      if (heirs.size % 100 === 0 || heirs.size === Number(chains)) console.log(`heirs ${heirs.size}`);
      return { indexHtml: title };
    })
    .handle(ChoreSchema, () => undefined),
];

process.on("SIGTERM", () => void Promise.all(workers.map((worker) => worker.stop())));
console.log("ready");
await Promise.all(workers.map((worker) => worker.run()));
// An exit would cut off what the pipe has not taken yet.
process.stdout.write(`ran ${JSON.stringify({ heirs: [...heirs], errors })}\n`, () => process.exit(0));
