import { create } from "@bufbuild/protobuf";
import { type Any, anyPack } from "@bufbuild/protobuf/wkt";
import { JobService } from "../gen/conveyor/v1/job_service_pb.ts";
import { SendEmailSchema } from "../gen/shop/v1/shop_pb.ts";
import type { Caller } from "../test/prove/process/caller.ts";

const batchSize = 1_000;
const padding = "x".repeat(60);

/** Id of the job with this number. */
export const jobIdOf = (number: number): string => `mail-${number}`;

/** The payload of the job with this number: about 100 bytes. */
export function payloadOf(number: number): Any {
  return anyPack(SendEmailSchema, create(SendEmailSchema, { to: `${number}@example.com`, subject: padding }));
}

/** Puts `count` jobs into the queue `mail`, numbered from `before` on. */
export async function prefill(
  caller: Caller,
  { count, before }: { readonly count: number; readonly before: number },
): Promise<void> {
  for (let done = 0; done < count; done += batchSize) {
    const items = Array.from({ length: Math.min(batchSize, count - done) }, (_, index) => {
      const number = before + done + index;
      const content = { case: "payload" as const, value: payloadOf(number) };
      return { item: { case: "job" as const, value: { id: jobIdOf(number), queue: "mail", content } } };
    });
    const { results } = await caller.call(JobService.method.enqueueBatch, { items });
    const refused = results.find((result) => result.error !== undefined);
    if (refused !== undefined) throw new Error(`refused: ${refused.error?.message}`);
  }
}
