import assert from "node:assert/strict";
import { test } from "node:test";
import {
  ChoreJob,
  MakeAlbumJob,
  PublishAlbumJob,
  ResizeImageJob,
  SendEmailJob,
  shopJobs,
} from "../../gen/shop/v1/shop_jobs.ts";
import { ChoreSchema } from "../../gen/shop/v1/shop_pb.ts";
import { group, type Handlers, job } from "../../src/index.ts";
import { failing, soon } from "../client/failing.ts";
import { openWorld } from "../client/world.ts";

const handlers: Handlers<typeof shopJobs> = {
  sendEmail: ({ to }) => ({ messageId: to }),
  resizeImage: ({ path, width }) => ({ path, width, height: width }),
  makeAlbum: ({ folder }, context) => {
    for (const name of ["cat", "dog"]) context.child(ResizeImageJob, { path: `${folder}/${name}`, width: 320 });
    context.heir(ChoreJob, { script: "tidy" });
    return context.heir(PublishAlbumJob, { title: folder }, { asResult: true });
  },
  publishAlbum: async ({ title }, context) => {
    const thumbnails = await context.results(ResizeImageJob);
    const paths: unknown[] = [];
    for await (const child of context.children()) paths.push(child.result(ResizeImageJob)?.path);
    assert.deepEqual(
      paths,
      thumbnails.map(({ path }) => path),
    );
    return { indexHtml: `${title}: ${thumbnails.map(({ path }) => path)}`, images: thumbnails.length };
  },
  chore: async (_, context) => context.heir(ResizeImageJob, {}),
};

test("stubs / a chain of stubs gives its result at the top (50)", async () => {
  await using world = await openWorld();
  void world.worker().handleAll(shopJobs, handlers).run();
  const made = await world.client.enqueue(MakeAlbumJob, { folder: "holiday" });
  const album = await made.result({ signal: soon() });
  assert.deepEqual([album.indexHtml, album.images], ["holiday: holiday/cat,holiday/dog", 2]);
});

test("stubs / the options of the type hold, and so do those of the request", async () => {
  await using world = await openWorld();
  const [mail, urgent] = await world.client.enqueueBatch([
    job(SendEmailJob, { to: "a" }),
    job(SendEmailJob, { to: "b" }, { maxAttempts: 7 }),
  ]);
  assert.ok(mail.kind === "accepted" && urgent.kind === "accepted");
  const [info, urgentInfo] = [await mail.job.get(), await urgent.job.get()];
  assert.deepEqual([info.queue, info.maxAttempts, urgentInfo.maxAttempts], ["mail", 3, 7]);
  assert.deepEqual(SendEmailJob.options, { queue: "mail", maxAttempts: 3, timeoutMs: 30_000 });
});

test("stubs / a job without a result gives undefined when it is done", async () => {
  await using world = await openWorld();
  void world
    .worker()
    .handle(ChoreJob, () => {})
    .run();
  const chore = await world.client.enqueue(ChoreJob, { script: "tidy" });
  assert.equal(await chore.result({ signal: soon() }), undefined);
  const plain = await world.client.enqueue(ChoreSchema, { script: "tidy" });
  await assert.rejects(plain.result({ signal: soon() }), failing("NO_RESULT", "Chore"));
});

test("stubs / a tree of stubs: a group gives what its asResult heir gives", async () => {
  await using world = await openWorld();
  void world.worker().handleAll(shopJobs, handlers).run();
  const tree = await world.client.enqueueTree({
    job: group("album"),
    children: [{ job: job(ResizeImageJob, { path: "cat" }) }],
    heirs: [{ job: job(PublishAlbumJob, { title: "holiday" }), asResult: true }],
  });
  const album = await tree.result<{ $typeName: string; indexHtml: string }>({ signal: soon() });
  assert.equal(album.indexHtml, "holiday: cat");
});

test("stubs / an heir that is not asResult may be returned where nothing is to be given", async () => {
  await using world = await openWorld();
  void world.worker().handleAll(shopJobs, handlers).run();
  const chore = await world.client.enqueue(ChoreJob, {});
  assert.equal(await chore.result({ signal: soon() }), undefined);
  assert.deepEqual((await world.client.chain(chore.id)).totals, { COMPLETED: 2 });
});

test("handleAll / a class with the handlers is called as one", async () => {
  class Shop implements Pick<Handlers<typeof shopJobs>, "chore"> {
    readonly done: string[] = [];
    chore({ script }: { readonly script: string }) {
      this.done.push(script);
    }
  }
  await using world = await openWorld();
  const shop = new Shop();
  void world.worker().handleAll({ chore: ChoreJob }, shop).run();
  await (await world.client.enqueue(ChoreJob, { script: "tidy" })).result({ signal: soon() });
  assert.deepEqual(shop.done, ["tidy"]);
});

test("handleAll / a missing handler, and one too many, are refused, and nothing of it is handled", async () => {
  await using world = await openWorld();
  const worker = world.worker();
  const { chore: _, ...rest } = handlers;
  assert.throws(
    () => worker.handleAll(shopJobs, rest as unknown as typeof handlers),
    failing("INVALID_OPTION", "handlers.chore is no function but undefined"),
  );
  assert.throws(
    () => worker.handleAll(shopJobs, { ...handlers, resizeVideo: () => undefined }),
    failing("INVALID_OPTION", "handlers.resizeVideo is for no job type; they are sendEmail, resizeImage"),
  );
  worker.handle(SendEmailJob, handlers.sendEmail);
  assert.throws(() => worker.handleAll(shopJobs, handlers), failing("INVALID_OPTION", "SendEmail is handled already"));
});
