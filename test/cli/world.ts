import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  AlbumSchema,
  ChoreSchema,
  EmailSentSchema,
  MakeAlbumSchema,
  PublishAlbumSchema,
  ResizeImageSchema,
  SendEmailSchema,
  ThumbnailSchema,
} from "../../gen/shop/v1/shop_pb.ts";
import { createWorker } from "../../src/index.ts";
import { conveyor, type Ended, type RunOptions, type ServedBroker, serve } from "./conveyor.ts";
import { writeShopImage } from "./shop-image.ts";

/** A broker process that knows the shop's types, in a folder of its own. */
export interface World extends AsyncDisposable {
  readonly folder: string;
  readonly broker: ServedBroker;
  /** The command line, pointed at this broker. */
  readonly conveyor: (args: readonly string[], options?: RunOptions) => Promise<Ended>;
  /** Runs a command that must end well, with `-o json`, and answers with what it printed. */
  readonly json: <Shape>(args: readonly string[], options?: RunOptions) => Promise<Shape>;
}

export async function startWorld({ store }: { readonly store?: string } = {}): Promise<World> {
  const folder = await mkdtemp(join(tmpdir(), "conveyor-cli-"));
  const image = await writeShopImage(folder);
  const broker = await serve(["--store", store ?? `sqlite:${join(folder, "jobs.db")}`, "--schema", image]);
  const env = { CONVEYOR_ADDRESS: broker.address };
  return {
    folder,
    broker,
    conveyor: (args, options = {}) => conveyor(args, { ...options, env: { ...env, ...options.env } }),
    async json<Shape>(args: readonly string[], options: RunOptions = {}) {
      const ended = await conveyor([...args, "-o", "json"], { ...options, env });
      if (ended.code !== 0) throw new Error(`conveyor ${args.join(" ")} ended with ${ended.code}: ${ended.stderr}`);
      return JSON.parse(ended.stdout) as Shape;
    },
    async [Symbol.asyncDispose]() {
      await broker[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/**
 * A worker for the shop: mails are sent, chores do what their script says ("fail …", "discard", "progress"), an album is a chain of as many
 * images, and of albums below it, as was asked for; the images of a folder named broken… fail.
 */
export function startShopWorker(address: string, queues: { readonly albums?: string } = {}): AsyncDisposable {
  const worker = createWorker(address, { concurrency: 4, name: "shop" })
    .handle(SendEmailSchema, () => ({ messageId: "m-1", size: 42n }), { result: EmailSentSchema })
    .handle(ChoreSchema, ({ script }, context) => {
      if (script === "discard") throw context.discard(new RangeError("no such chore: 17"));
      if (script === "progress") context.progress({ fraction: 0.5, message: "half\nof it", details: { done: 1 } });
      if (script.startsWith("fail")) throw new TypeError(`cannot ${script}`);
    })
    .handle(
      ResizeImageSchema,
      ({ path, width }, context) => {
        if (path.startsWith("broken")) throw context.discard(new Error("not an image"));
        return { path, width, height: width };
      },
      { result: ThumbnailSchema },
    )
    .handle(
      MakeAlbumSchema,
      ({ folder, images, depth }, context) => {
        for (let image = 0; image < images; image++)
          context.child(ResizeImageSchema, { path: `${folder}/${image}`, width: 10 });
        if (depth > 0)
          context.child(MakeAlbumSchema, { folder: `${folder}/below`, images, depth: depth - 1 }, { key: "below" });
        return context.heir(PublishAlbumSchema, { title: folder }, { asResult: true });
      },
      { result: AlbumSchema, ...(queues.albums === undefined ? {} : { queue: queues.albums }) },
    )
    .handle(PublishAlbumSchema, ({ title }) => ({ indexHtml: `${title}.html` }), { result: AlbumSchema });
  const running = worker.run();
  running.catch(() => undefined);
  return {
    async [Symbol.asyncDispose]() {
      await worker.stop();
      await running;
    },
  };
}
