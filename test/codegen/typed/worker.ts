// Compiled, never run: what a handler may and may not be. Each expected error is one that must be there.
import { ChoreJob, MakeAlbumJob, PublishAlbumJob, ResizeImageJob } from "../../../gen/shop/v1/shop_jobs.ts";
import { type Album, ResizeImageSchema, ThumbnailSchema } from "../../../gen/shop/v1/shop_pb.ts";
import { createWorker, type Handler, type JobContext } from "../../../src/index.ts";

const worker = createWorker("localhost:2668");

worker.handle(MakeAlbumJob, async ({ folder }, context) => {
  context.child(ResizeImageJob, { path: `${folder}/cat.jpg`, width: 320 }, { policy: "IGNORE" });
  context.heir(ChoreJob, { script: "tidy" }, { trigger: "SETTLED" });
  return context.heir(PublishAlbumJob, { title: folder }, { asResult: true });
});
worker.handle(PublishAlbumJob, async ({ title }, context) => {
  const thumbnails = await context.results(ResizeImageJob);
  return { indexHtml: `${title}: ${thumbnails.map(({ path, width }) => `${path} ${width}`)}` };
});
worker.handle(PublishAlbumJob, async (_payload, context) => {
  for await (const child of context.children()) {
    child.result(ResizeImageJob)?.path satisfies string | undefined;
    // @ts-expect-error: a thumbnail has no such field
    child.result(ResizeImageJob)?.indexHtml;
    // @ts-expect-error: it has no result
    child.result(ChoreJob);
  }
  return {};
});
worker.handle(ResizeImageJob, ({ path, width }, context) => {
  if (width > 4_000) return context.discard("too wide");
  if (width < 10) throw context.cancel("too narrow");
  return { path, width };
});
worker.handle(ChoreJob, async () => undefined);
worker.handle(ChoreJob, () => {}, { queue: "chores" });
worker.handle(ChoreJob, async (_payload, context) => context.heir(ChoreJob, {}));

// @ts-expect-error: no such field in the payload
worker.handle(MakeAlbumJob, async ({ foldr: _ }) => ({ indexHtml: "" }));
// @ts-expect-error: no such field in the result
worker.handle(MakeAlbumJob, async () => ({ indxHtml: "" }));
// @ts-expect-error: one field of the result, and one that it has not
worker.handle(MakeAlbumJob, async () => ({ indexHtml: "", imags: 3 }));
// @ts-expect-error: a field of another type
worker.handle(MakeAlbumJob, async () => ({ indexHtml: 3 }));
// @ts-expect-error: no message
worker.handle(MakeAlbumJob, async () => "index.html");
// @ts-expect-error: nothing
worker.handle(MakeAlbumJob, async () => {});
// @ts-expect-error: the message of another type
worker.handle(MakeAlbumJob, async (_payload, context) => {
  const [thumbnail] = await context.results(ResizeImageJob);
  if (thumbnail === undefined) throw context.discard("no image");
  return thumbnail;
});
// @ts-expect-error: a name is no job type
worker.handle("shop.v1.MakeAlbum", async () => ({ indexHtml: "" }));
// @ts-expect-error: a chore gives nothing
worker.handle(ChoreJob, async () => 3);
// @ts-expect-error: not even an empty message
worker.handle(ChoreJob, async () => ({}));
// @ts-expect-error: an heir that is not asResult promises nothing
worker.handle(MakeAlbumJob, async ({ folder }, context) => context.heir(PublishAlbumJob, { title: folder }));

worker.handle(MakeAlbumJob, async ({ folder }, context) => {
  // @ts-expect-error: its result is no album
  context.heir(ResizeImageJob, { path: folder }, { asResult: true });
  // @ts-expect-error: it has no result
  context.heir(ChoreJob, {}, { asResult: true });
  // @ts-expect-error: no such field in the payload
  context.heir(PublishAlbumJob, { titel: folder });
  // @ts-expect-error: no such option
  context.heir(PublishAlbumJob, { title: folder }, { asreslt: true });
  // @ts-expect-error: for children only
  context.heir(PublishAlbumJob, { title: folder }, { policy: "FAIL_FAST" });
  // @ts-expect-error: no such field in the payload
  context.child(ResizeImageJob, { pth: folder });
  // @ts-expect-error: for heirs only
  context.child(ResizeImageJob, { path: folder }, { trigger: "SETTLED" });
  // @ts-expect-error: a name is no job type
  context.child("shop.v1.ResizeImage", { path: folder });
  // @ts-expect-error: these are thumbnails
  (await context.results(ResizeImageJob)) satisfies Album[];
  // @ts-expect-error: it has no result
  await context.results(ChoreJob);
  return {};
});

// Plain schemas, as ever.
worker.handle(ResizeImageSchema, async ({ path }) => path);
worker.handle(ResizeImageSchema, async ({ path }) => ({ path }), { result: ThumbnailSchema });
// @ts-expect-error: no such field in the payload
worker.handle(ResizeImageSchema, async ({ pth: _ }) => ({ path: "" }));
// @ts-expect-error: no such field in the result
worker.handle(ResizeImageSchema, async ({ path }) => ({ pth: path }), { result: ThumbnailSchema });

// Handlers and what they call, in files of their own.
const resize: Handler<typeof ResizeImageJob> = async ({ path }, context) => ({ path: await stored(path, context) });
const stored = async (path: string, { id }: JobContext) => `${id}/${path}`;
worker.handle(ResizeImageJob, resize);
// @ts-expect-error: the handler of another type
worker.handle(MakeAlbumJob, resize);
