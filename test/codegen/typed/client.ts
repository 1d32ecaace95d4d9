// Compiled, never run: what a producer may and may not write with stubs. Each expected error is one that must be there.
import { ChoreJob, MakeAlbumJob, PublishAlbumJob, ResizeImageJob } from "../../../gen/shop/v1/shop_jobs.ts";
import { type Album, MakeAlbumSchema, type Thumbnail, ThumbnailSchema } from "../../../gen/shop/v1/shop_pb.ts";
import { connect, group, type InitOf, type JobHandle, job, type PayloadOf, type ResultOf } from "../../../src/index.ts";

await using conveyor = connect("localhost:2668");

const made = await conveyor.enqueue(MakeAlbumJob, { folder: "holiday" }, { delay: "5m", priority: 10 });
(await made.result()) satisfies Album;
const anyHandle: JobHandle = made;
await anyHandle.result();

// @ts-expect-error: no such field in the payload
await conveyor.enqueue(MakeAlbumJob, { foldr: "holiday" });
// @ts-expect-error: a field of another type
await conveyor.enqueue(MakeAlbumJob, { folder: 1 });
// @ts-expect-error: no such option
await conveyor.enqueue(MakeAlbumJob, { folder: "holiday" }, { prioritee: 10 });
// @ts-expect-error: a stub has its result already
await conveyor.enqueue(MakeAlbumJob, { folder: "holiday" }, { result: ThumbnailSchema });
// @ts-expect-error: a name is no job type
await conveyor.enqueue("shop.v1.MakeAlbum", { folder: "holiday" });
// @ts-expect-error: nor is what a job gives
await conveyor.enqueue(MakeAlbumJob.result.name, { folder: "holiday" });
// @ts-expect-error: the result of another type
(await made.result()) satisfies Thumbnail;
// @ts-expect-error: the result of another type, said
await made.result<Thumbnail>();
// @ts-expect-error: an album has no such field
(await made.result()).path;

const chore = await conveyor.enqueue(ChoreJob, { script: "tidy" });
(await chore.result()) satisfies undefined;
// @ts-expect-error: it gives nothing
(await chore.result()) satisfies Album;

const [album, thumbnail] = await conveyor.enqueueBatch([
  job(MakeAlbumJob, { folder: "holiday" }),
  { job: job(ResizeImageJob, { path: "cat.jpg" }), children: [{ job: job(ChoreJob, {}) }] },
]);
if (album.kind === "accepted") (await album.job.result()) satisfies Album;
if (thumbnail.kind === "accepted") (await thumbnail.job.result()) satisfies Thumbnail;
// @ts-expect-error: no such field in the payload
job(MakeAlbumJob, { foldr: "holiday" });

const tree = await conveyor.enqueueTree({
  job: job(MakeAlbumJob, { folder: "holiday" }),
  children: [{ job: job(ResizeImageJob, { path: "cat.jpg" }), policy: "IGNORE" }],
  heirs: [{ job: job(ChoreJob, {}) }, { job: job(PublishAlbumJob, { title: "Holiday" }), asResult: true }],
});
(await tree.result()) satisfies Album;
await conveyor.enqueueTree({
  job: job(MakeAlbumJob, { folder: "holiday" }),
  // @ts-expect-error: an heir that gives something else than its parent
  heirs: [{ job: job(ResizeImageJob, { path: "cat.jpg" }), asResult: true }],
});
await conveyor.enqueueTree({
  job: group("album"),
  heirs: [{ job: job(PublishAlbumJob, { title: "Holiday" }), asResult: true }],
});

// Plain schemas, as ever.
const plain = await conveyor.enqueue(MakeAlbumSchema, { folder: "holiday" });
await plain.result<Album>();
const held = await conveyor.enqueue(MakeAlbumSchema, { folder: "holiday" }, { result: MakeAlbumJob.result });
(await held.result()) satisfies Album;
// @ts-expect-error: no such field in the payload
await conveyor.enqueue(MakeAlbumSchema, { foldr: "holiday" });

// What a function of the application is written with.
const start = (init: InitOf<typeof MakeAlbumJob>) => conveyor.enqueue(MakeAlbumJob, init);
await start({ folder: "holiday" });
((resize: PayloadOf<typeof ResizeImageJob>) => resize.width)(ResizeImageJob.payload as never) satisfies number;
({}) as ResultOf<typeof ResizeImageJob> satisfies Thumbnail;
