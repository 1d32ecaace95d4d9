import { type EnqueueResult, JobService } from "../../gen/conveyor/v1/job_service_pb.ts";
import { ConveyorError, isConveyorError } from "../core/errors.ts";
import { type Deferred, deferred } from "../runtime/deferred.ts";
import type { Channels, Place } from "../wire/channels.ts";
import { type Calls, closed } from "./calls.ts";
import { type Outgoing, openProducerStream, type ProducerStream } from "./producer-stream.ts";

/** Takes items to a broker over one stream, or by calls where the broker knows no such stream. */
export interface EnqueueSender {
  /** One result for each item. What was not acknowledged is sent again, with the same ids, while the retry time lasts. */
  send(items: readonly Outgoing[]): Promise<readonly EnqueueResult[]>;
  /** Resolves once the newest try has failed: what is on its way waits for a broker that is away. */
  troubled(): Promise<void>;
  close(): void;
}

type Results = (EnqueueResult | undefined)[];

const callMs = 30_000;

export function createEnqueueSender(calls: Calls): EnqueueSender {
  let line: { readonly place: Place; readonly stream: ProducerStream } | undefined;
  let opening: Promise<ProducerStream> | undefined;
  let streamUnknown = false;
  let failing = false;
  let trouble: Deferred<void> | undefined;

  function streamOn(channels: Channels): ProducerStream | Promise<ProducerStream> {
    if (line?.place.current && !line.stream.retired) return line.stream;
    line?.stream.retire();
    line = undefined;
    opening ??= open(channels).finally(() => {
      opening = undefined;
    });
    return opening;
  }

  async function open(channels: Channels): Promise<ProducerStream> {
    const place = await channels.place();
    line = { place, stream: openProducerStream(place) };
    return line.stream;
  }

  async function byStream(items: readonly Outgoing[], results: Results, channels: Channels): Promise<void> {
    const stream = await streamOn(channels);
    await stream.send(items, results);
  }

  async function byCall(items: readonly Outgoing[], results: Results, channels: Channels, signal: AbortSignal) {
    const missing = [...items.keys()].filter((index) => results[index] === undefined);
    const request = { items: items.filter((_, index) => results[index] === undefined).map(({ item }) => item) };
    const answer = await channels.call(JobService.method.enqueueBatch, request, { signal, timeoutMs: callMs });
    for (const [at, index] of missing.entries()) results[index] = answer.results[at];
  }

  async function attempt(items: readonly Outgoing[], results: Results, channels: Channels, signal: AbortSignal) {
    if (!streamUnknown) {
      try {
        return await byStream(items, results, channels);
      } catch (error) {
        if (!isConveyorError(error) || error.code !== "METHOD_UNKNOWN") throw error;
        streamUnknown = true;
      }
    }
    return byCall(items, results, channels, signal);
  }

  return {
    async send(items) {
      const results: Results = items.map(() => undefined);
      await calls.run("enqueue", async (channels, signal) => {
        try {
          await attempt(items, results, channels, signal);
          failing = false;
        } catch (error) {
          failing = true;
          trouble?.resolve();
          throw error;
        }
      });
      return results.map((result) => {
        if (result !== undefined) return result;
        throw new ConveyorError("INTERNAL", "the broker answered fewer items than it was sent");
      });
    },
    async troubled() {
      if (failing) return;
      trouble ??= deferred<void>();
      await trouble.promise;
    },
    close: () => line?.stream.close(closed()),
  };
}
