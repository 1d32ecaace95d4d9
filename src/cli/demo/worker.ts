import { setTimeout as pause } from "node:timers/promises";
import { MakeAlbumJob, PublishAlbumJob, ResizeImageJob } from "../../../gen/demo/v1/demo_jobs.ts";
import { createWorker } from "../../worker/worker.ts";

/** How long a picture takes, in ms: long enough to be seen. */
const workMs = 500;

/** Runs the demo's jobs until it is disposed of. Each third picture fails at its first attempt. */
export function startDemoWorker(address: string): AsyncDisposable {
  const worker = createWorker(address, { concurrency: 3, name: "demo" })
    .handle(MakeAlbumJob, ({ pictures }, context) => {
      for (const picture of pictures) context.child(ResizeImageJob, { picture });
      return context.heir(PublishAlbumJob, {}, { asResult: true });
    })
    .handle(ResizeImageJob, async ({ picture }, context) => {
      await pause(workMs, undefined, { signal: context.signal });
      if (context.attempt === 1 && /[369]/.test(picture))
        throw new Error(`${picture} could not be read; it is tried again`);
      return { name: picture.replace(".jpg", "-320.jpg") };
    })
    .handle(PublishAlbumJob, async (_, context) => {
      await pause(workMs, undefined, { signal: context.signal });
      const thumbnails = await context.results(ResizeImageJob);
      return { thumbnails: thumbnails.map(({ name }) => name) };
    });
  const running = worker.run({ signals: false }); // Ctrl-C ends the whole demo
  running.catch(() => undefined); // a chain that nobody works on ends the demo by --timeout
  return {
    async [Symbol.asyncDispose]() {
      await worker.stop();
      await running;
    },
  };
}
