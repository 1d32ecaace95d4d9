// A worker process of the tests: runs the shop's jobs and tells its parent process of every start.
import { create } from "@bufbuild/protobuf";
import {
  AlbumSchema,
  ChoreSchema,
  MakeAlbumSchema,
  PublishAlbumSchema,
  ResizeImageSchema,
  ThumbnailSchema,
} from "../../gen/shop/v1/shop_pb.ts";
import { createWorker, type JobContext } from "../../src/index.ts";

/** What a crew member tells: a handler began. */
export interface StartReport {
  readonly type: string;
  readonly id: string;
  readonly attempt: number;
}

function report({ type, id, attempt }: JobContext): void {
  process.send?.({ type, id, attempt } satisfies StartReport);
}

const [address = "", concurrency = "4"] = process.argv.slice(2);

const worker = createWorker(address, { concurrency: Number(concurrency), name: `member-${process.pid}` })
  .handle(ChoreSchema, (_, ctx) => report(ctx))
  .handle(MakeAlbumSchema, ({ folder, images }, ctx) => {
    report(ctx);
    for (let index = 0; index < images; index += 1) {
      ctx.child(ResizeImageSchema, { path: `${folder}/${index}`, width: 320 });
    }
    return ctx.heir(PublishAlbumSchema, { title: folder }, { asResult: true });
  })
  .handle(ResizeImageSchema, ({ path, width }, ctx) => {
    report(ctx);
    return create(ThumbnailSchema, { path, width, height: width });
  })
  .handle(PublishAlbumSchema, async ({ title }, ctx) => {
    report(ctx);
    const images = await ctx.results(ResizeImageSchema, { result: ThumbnailSchema });
    return create(AlbumSchema, { indexHtml: `${title}/index.html`, images: images.length });
  });

process.once("disconnect", () => process.exit(0));
process.once("SIGTERM", () => void worker.stop());
await worker.run();
process.disconnect?.();
