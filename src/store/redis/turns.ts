import type { QueueName } from "../../core/names.ts";
import { sleep } from "../../runtime/abort.ts";
import { shardsOf, type Writing, write } from "./calls.ts";
import { listOf, numberOf, type Packable, type Unpacked } from "./msgpack.ts";
import { shardOf } from "./shards.ts";

/** What may still run of queues that have a limit over all shards, for who has their turn. */
export type Turns = ReadonlyMap<QueueName, Turn>;

interface Turn {
  /** How many more jobs of the queue may run. */
  jobs: number;
  readonly token: number;
}

const Operation = { begin: 1, fence: 2, end: 3 } as const;

/** Who has not claimed by then has lost its turn: the next one's token shuts it out of every shard. */
const turnMs = 5_000;
const tries = 5;
const pauseMs = 10;

/**
 * Takes the turn of each of these queues, and counts on every shard what runs of it. Of a queue whose turn is another's all the
 * while there is nothing to claim this time.
 */
export async function takeTurns(writing: Writing, queues: readonly QueueName[]): Promise<Turns> {
  const taken = await Promise.all(queues.map(async (queue) => [queue, await takeTurn(writing, queue)] as const));
  return new Map(taken.flatMap(([queue, turn]) => (turn === undefined ? [] : [[queue, turn]])));
}

/** What ends is only that others wait; a turn that is not ended runs out. */
export async function endTurns(writing: Writing, turns: Turns): Promise<void> {
  const ends = [...turns].map(([queue, { token }]) => turnAtHome(writing, queue, [Operation.end, queue, token]));
  await Promise.allSettled(ends);
}

async function takeTurn(writing: Writing, queue: QueueName): Promise<Turn | undefined> {
  const token = await beginTurn(writing, queue);
  if (token === 0) return undefined;
  const answers = await Promise.all(
    shardsOf(writing).map(async (shard) => {
      return listOf(await write(writing, { script: "turn", shard, request: [Operation.fence, queue, token] }));
    }),
  );
  if (answers.some(([isMine]) => isMine !== 1)) return undefined;
  const limits = answers.map(([, , limit]) => numberOf(limit)).filter((limit) => limit >= 0);
  const running = answers.reduce((sum, [, count]) => sum + numberOf(count), 0);
  return { jobs: Math.max(0, Math.min(...limits) - running), token };
}

/** The token of a turn; 0: it is another's. */
async function beginTurn(writing: Writing, queue: QueueName): Promise<number> {
  for (let left = tries; left > 0; left -= 1) {
    const token = numberOf(await turnAtHome(writing, queue, [Operation.begin, queue, turnMs]));
    if (token !== 0) return token;
    await sleep(pauseMs);
  }
  return 0;
}

function turnAtHome(writing: Writing, queue: QueueName, request: Packable): Promise<Unpacked> {
  return write(writing, { script: "turn", shard: shardOf(queue, writing.connection.shards), request });
}
