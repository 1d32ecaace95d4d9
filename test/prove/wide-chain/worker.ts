// One worker process: node worker.ts ADDRESS. An album declares a child of 100 bytes for each image and an heir that reads what came of all.
import { MakeAlbumJob, PublishAlbumJob, ResizeImageJob } from "../../../gen/shop/v1/shop_jobs.ts";
import { createWorker } from "../../../src/index.ts";
import { childPath } from "./children.ts";

const [address = ""] = process.argv.slice(2);

/** Children between two waits for the broker: what waits in the worker stays small. */
const flushEvery = 5_000;

const say = (what: string) => console.log(`${what} ${Date.now()}`);

const worker = createWorker(address, { name: "wide-chain", concurrency: 400, window: 1_600 })
  .handle(MakeAlbumJob, async ({ images }, context) => {
    say("declaring");
    for (let index = 0; index < images; index += 1) {
      context.child(ResizeImageJob, { path: childPath(index), width: index });
      if (index % flushEvery === flushEvery - 1) await context.flush();
    }
    const album = context.heir(PublishAlbumJob, { title: "all" }, { key: "heir", asResult: true });
    await context.flush();
    say("staged");
    return album;
  })
  .handle(ResizeImageJob, ({ path, width }) => ({ path, width, height: 1 }))
  .handle(PublishAlbumJob, async (_heir, context) => {
    say("reading");
    const thumbnails = await context.results(ResizeImageJob);
    const inOrder = thumbnails.every(({ path, width }, index) => width === index && path === childPath(index));
    say("read");
    return { indexHtml: inOrder ? "in order" : "not in order", images: thumbnails.length };
  });

process.on("SIGTERM", () => void worker.stop());
await worker.run();
process.exit(0);
