import assert from "node:assert/strict";
import { test } from "node:test";
import { deferred } from "../../../src/runtime/deferred.ts";
import type { Connection } from "../../../src/store/redis/connection.ts";
import { pack } from "../../../src/store/redis/msgpack.ts";
import { timeReader } from "../../../src/store/redis/read-time.ts";

test("redis time / calls that end in another order than they began are no loss, and a loss is told once", async () => {
  const warnings: string[] = [];
  const hear = (warning: Error): void => void warnings.push(warning.message);
  process.on("warning", hear);
  try {
    const answers: ReturnType<typeof deferred<Buffer>>[] = [];
    const connection: Connection = {
      namespace: "x",
      shards: 1,
      identity: "",
      run() {
        const answer = deferred<Buffer>();
        answers.push(answer);
        return answer.promise;
      },
    };
    const readTime = timeReader(connection, "here");
    async function read(writes: number): Promise<void> {
      const reading = readTime();
      answers.at(-1)?.resolve(pack([1, writes]));
      await reading;
    }
    await read(3);
    const [early, late] = [readTime(), readTime()];
    answers[2]?.resolve(pack([1, 9]));
    await late;
    answers[1]?.resolve(pack([1, 5]));
    await early;
    await read(9);
    await new Promise(setImmediate);
    assert.deepEqual(warnings, []);
    await read(7);
    await read(7);
    await new Promise(setImmediate);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0] ?? "", /at least 2 writes/);
  } finally {
    process.off("warning", hear);
  }
});
