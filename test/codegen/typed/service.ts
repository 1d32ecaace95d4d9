// Compiled, never run: one handler for each job type of a file. Each expected error is one that must be there.
import { type shopJobs as jobs, shopJobs } from "../../../gen/shop/v1/shop_jobs.ts";
import { createWorker, type Handlers } from "../../../src/index.ts";

const worker = createWorker("localhost:2668");

const all: Handlers<typeof shopJobs> = {
  sendEmail: async ({ to }) => ({ messageId: to }),
  resizeImage: ({ path, width }) => ({ path, width, height: width }),
  makeAlbum: ({ folder }, context) => context.heir(shopJobs.publishAlbum, { title: folder }, { asResult: true }),
  publishAlbum: async ({ title }, context) => ({
    indexHtml: title,
    images: (await context.results(shopJobs.resizeImage)).length,
  }),
  chore: () => undefined,
};
worker.handleAll(shopJobs, all);

/** A class serves as well; what else it has is its own. */
class Shop implements Handlers<typeof jobs> {
  readonly sent = new Set<string>();
  readonly resizeImage = all.resizeImage;
  readonly makeAlbum = all.makeAlbum;
  readonly publishAlbum = all.publishAlbum;
  async sendEmail({ to }: { readonly to: string }) {
    this.sent.add(to);
    return { messageId: to };
  }
  async chore() {}
}
worker.handleAll(shopJobs, new Shop());

const { chore: _, ...withoutChore } = all;
// @ts-expect-error: no handler for Chore
worker.handleAll(shopJobs, withoutChore);
// @ts-expect-error: the handler of another type
worker.handleAll(shopJobs, { ...all, sendEmail: all.resizeImage });
// @ts-expect-error: a wrong result
worker.handleAll(shopJobs, { ...all, chore: () => 3 });
worker.handleAll(shopJobs, {
  ...all,
  makeAlbum: (_payload, context) => {
    // @ts-expect-error: an heir of another result type
    context.heir(shopJobs.resizeImage, {}, { asResult: true });
    return {};
  },
});
// @ts-expect-error: no such field in the payload
worker.handleAll(shopJobs, { ...all, resizeImage: ({ pth: _ }) => ({ path: "" }) });
// @ts-expect-error: one field of the result, and one that it has not
worker.handleAll(shopJobs, { ...all, resizeImage: () => ({ path: "", wdth: 3 }) });
worker.handleAll(shopJobs, {
  async sendEmail({ to }) {
    return { messageId: to };
  },
  async resizeImage({ path, width }, context) {
    context.signal.throwIfAborted();
    return { path, width };
  },
  makeAlbum({ folder }, context) {
    return context.heir(shopJobs.publishAlbum, { title: folder }, { asResult: true });
  },
  async publishAlbum({ title }, context) {
    const thumbnails = await context.results(shopJobs.resizeImage);
    return { indexHtml: title, images: thumbnails.length };
  },
  async chore() {},
});
