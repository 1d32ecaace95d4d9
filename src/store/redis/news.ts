import { randomUUID } from "node:crypto";
import type { EndReason } from "../../core/job.ts";
import type { JobId, LeaseId, QueueName, SessionId, TypeName } from "../../core/names.ts";
import type { News } from "../effects.ts";
import type { Client } from "./client.ts";
import { keepLink, type Link } from "./link.ts";

export interface NewsOptions {
  readonly location: string;
  readonly channel: string;
  /** Connects to any server; messages of channels that it subscribes to go to `hear`. */
  readonly connect: (hear: (message: string) => void) => Promise<Client>;
  readonly publish: (channel: string, message: string) => Promise<void>;
}

/** What brokers of one namespace tell each other by pub/sub: hints, never waited for. */
export interface NewsExchange {
  announce(news: News): void;
  listen(listener: (news: News | undefined) => void): () => void;
  close(): Promise<void>;
}

/** Entries of a list that one message holds; of more, the rest is found by polling. */
const entriesMax = 1_000;
const none: News = { readied: [], ended: [], cancels: [] };

/** Listens from now on, over a connection of its own that comes back by itself; it may also never come: then nothing is heard. */
export async function exchangeNews(options: NewsOptions): Promise<NewsExchange> {
  const { channel, publish, location } = options;
  const self = randomUUID();
  const listeners = new Set<(news: News | undefined) => void>();
  let waiting: News | undefined;
  let isSending = false;
  let isClosed = false;

  function tell(news: News | undefined): void {
    for (const listener of [...listeners]) listener(news);
  }

  function hear(message: string): void {
    const [from, news] = readMessage(message);
    if (from !== self && news !== undefined) tell(news);
  }

  async function connect(): Promise<Client> {
    const client = await options.connect(hear);
    try {
      // In lower case: by that ioredis knows that it enters the subscriber mode.
      await client.call("subscribe", channel);
      return client;
    } catch (error) {
      client.close();
      throw error;
    }
  }

  /** What comes while a message is on its way goes together with the next. */
  async function send(): Promise<void> {
    isSending = true;
    while (waiting !== undefined && !isClosed) {
      const news = waiting;
      waiting = undefined;
      await publish(channel, messageOf(self, news)).catch(() => undefined);
    }
    isSending = false;
  }

  const first = await connect().catch(() => undefined);
  const link: Link<Client> = keepLink({ location, connect, onBack: () => tell(undefined) }, first);
  return {
    announce(news) {
      if (isClosed || isEmpty(news)) return;
      waiting = waiting === undefined ? news : merge(waiting, news);
      if (!isSending) void send();
    },
    listen(listener) {
      // Wrapped: the same function may listen twice.
      const each = (news: News | undefined): void => listener(news);
      listeners.add(each);
      return () => {
        listeners.delete(each);
      };
    },
    async close() {
      isClosed = true;
      listeners.clear();
      await link.close();
    },
  };
}

function isEmpty({ readied, ended, cancels }: News): boolean {
  return readied.length + ended.length + cancels.length === 0;
}

function merge(one: News, two: News): News {
  const lanes = new Map([...one.readied, ...two.readied].map((lane) => [`${lane.queue} ${lane.type}`, lane]));
  return {
    readied: [...lanes.values()].slice(0, entriesMax),
    ended: [...one.ended, ...two.ended].slice(0, entriesMax),
    cancels: [...one.cancels, ...two.cancels].slice(0, entriesMax),
  };
}

function messageOf(self: string, news: News): string {
  const { readied, ended, cancels } = merge(none, news);
  return JSON.stringify([
    self,
    readied.map(({ queue, type }) => [queue, type]),
    ended,
    cancels.map(({ sessionId, leaseId, reason }) => [sessionId, leaseId, reason]),
  ]);
}

/** Who says what; undefined: something that no broker of this version sent, since anyone may publish anything. */
function readMessage(message: string): readonly [from: string, news: News | undefined] {
  try {
    const [from, readied, ended, cancels] = listOf(JSON.parse(message));
    const [sender = ""] = textsOf([from], 1);
    // Names that lead nowhere do no harm.
    const news: News = {
      readied: listOf(readied).map((each) => {
        const [queue, type] = textsOf(each, 2);
        return { queue: queue as QueueName, type: type as TypeName };
      }),
      ended: textsOf(ended) as readonly JobId[],
      cancels: listOf(cancels).map((each) => {
        const [sessionId, leaseId, reason] = textsOf(each, 3);
        return { sessionId: sessionId as SessionId, leaseId: leaseId as LeaseId, reason: reason as EndReason };
      }),
    };
    return [sender, merge(none, news)];
  } catch {
    return ["", undefined];
  }
}

function listOf(value: unknown): readonly unknown[] {
  if (Array.isArray(value)) return value;
  throw new TypeError("not a list");
}

function textsOf(value: unknown, count?: number): readonly string[] {
  const list = listOf(value);
  if (list.every((each) => typeof each === "string") && list.length === (count ?? list.length)) return list;
  throw new TypeError("not these texts");
}
