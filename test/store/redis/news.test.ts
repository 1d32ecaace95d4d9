import assert from "node:assert/strict";
import { test } from "node:test";
import type { News } from "../../../src/store/effects.ts";
import { job, jobId } from "../jobs.ts";
import { ownUrl, withServer, withStore } from "./world.ts";

const ended = (...ids: readonly string[]): News => ({ readied: [], ended: ids.map(jobId), cancels: [] });

test("redis news / what one broker announces the others hear, and it does not; what is large is cut", async () => {
  await withServer({}, async ({ server }) => {
    const url = ownUrl(server.url);
    await withStore(url, async (one) => {
      await withStore(url, async (other) => {
        const heard = inbox(other.listen);
        const own = inbox(one.listen);
        const { queue, payload } = job("a");
        const news: News = { readied: [{ queue, type: payload.type }], ended: [jobId("a")], cancels: [] };
        one.announce(news);
        assert.deepEqual(await heard.next(), news);
        one.announce({ readied: [], ended: [], cancels: [] });
        one.announce(ended(...Array.from({ length: 3_000 }, (_, index) => `j${index}`)));
        assert.equal((await heard.next())?.ended.length, 1_000);
        other.announce(ended("b"));
        assert.deepEqual(await own.next(), ended("b"));
        heard.stop();
      });
    });
  });
});

test("redis news / after its connection was lost a broker is told that it may have missed some, and hears again", async () => {
  await withServer({}, async ({ server, redis }) => {
    const url = ownUrl(server.url);
    await withStore(url, async (one) => {
      await withStore(url, async (other) => {
        const heard = inbox(other.listen);
        await redis.call("CLIENT", "KILL", "TYPE", "pubsub");
        assert.equal(await heard.next(), undefined);
        one.announce(ended("a"));
        assert.deepEqual(await heard.next(), ended("a"));
        await server.kill();
        await server.restart();
        assert.equal(await heard.next(), undefined);
      });
    });
  });
});

test("redis news / a user that may not subscribe has a store all the same", async () => {
  await withServer({}, async ({ server, redis }) => {
    await redis.call("ACL", "SETUSER", "deaf", "on", ">secret", "allkeys", "+@all", "-@pubsub");
    await withStore(ownUrl(server.url.replace("//", "//deaf:secret@")), async (store) => {
      store.announce(ended("a"));
      store.listen(() => assert.fail("nothing can be heard"))();
      assert.ok((await store.readTime()) > 0);
    });
  });
});

test("redis news / what is no message of a broker, or of another database, is not heard", async () => {
  await withServer({}, async ({ server, redis }) => {
    const query = ownUrl("").slice(1);
    const namespace = new URLSearchParams(query).get("namespace");
    await withStore(`${server.url}/${query}`, async (one) => {
      await withStore(`${server.url}/${query}`, async (other) => {
        await withStore(`${server.url}/3${query}`, async (elsewhere) => {
          const heard = inbox(one.listen);
          const forged = [
            ["x", [], [null, 5, {}], []],
            ["x", [[{ toString: 1 }, "t"]], [], []],
            ["x", [["q"]], [], []],
            ["x", [], [], [[{}, "l", "REQUESTED"]]],
            [{}, [], ["a"], []],
            ["x", [], "abc", []],
            ["x", [], []],
            "x",
            null,
          ];
          const published = forged.map((each) => redis.publish(`${namespace}:news`, JSON.stringify(each)));
          assert.deepEqual(new Set(await Promise.all(published)), new Set([2]));
          const own = inbox(elsewhere.listen);
          elsewhere.announce(ended("elsewhere"));
          await withStore(`${server.url}/3${query}`, async (beside) => {
            beside.announce(ended("beside"));
            assert.deepEqual(await own.next(), ended("beside"));
          });
          other.announce(ended("b"));
          assert.deepEqual(await heard.next(), ended("b"));
        });
      });
    });
  });
});

/** What a store's listener hears, in order. */
function inbox(listen: (listener: (news: News | undefined) => void) => () => void) {
  const arrived: (News | undefined)[] = [];
  let wake = (): void => undefined;
  const stop = listen((news) => {
    arrived.push(news);
    wake();
  });
  return {
    stop,
    async next(): Promise<News | undefined> {
      while (arrived.length === 0) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return arrived.shift();
    },
  };
}
