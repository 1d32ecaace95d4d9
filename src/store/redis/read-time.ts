import { askAll } from "./ask.ts";
import type { Connection } from "./connection.ts";
import { listOf, numberOf } from "./msgpack.ts";

/**
 * Reads the time of the shard that is ahead, and looks whether a shard has fewer writes than it once had: then a server came
 * back, or a replica took over, without all that was acknowledged. Nobody can undo that, so it is said aloud, once each time.
 */
export function timeReader(connection: Connection, location: string): () => Promise<number> {
  let seen: ReadonlyMap<number, number> = new Map();
  let asked = 0;
  let told = 0;
  return async () => {
    asked += 1;
    // Calls may end in another order than they began: each is compared with what was known at its beginning.
    const [turn, before] = [asked, seen];
    const answers = (await askAll(connection, "time")).map((answer) => listOf(answer).map(numberOf));
    for (const [shard, [, writes = 0]] of answers.entries()) {
      const lost = (before.get(shard) ?? 0) - writes;
      if (lost > 0) warn(location, shard, lost);
    }
    if (turn > told) {
      told = turn;
      seen = new Map(answers.map(([, writes = 0], shard) => [shard, writes]));
    }
    return Math.max(...answers.map(([time = 0]) => time));
  };
}

function warn(location: string, shard: number, lost: number): void {
  const text =
    `the store ${location} came back without all it had acknowledged: at least ${lost} writes to shard ${shard} are gone; ` +
    "look at its AOF and replica settings";
  process.emitWarning(text, { type: "ConveyorWarning", code: "STORE_LOST_WRITES" });
}
