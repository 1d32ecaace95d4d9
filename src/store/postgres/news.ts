import pg from "pg";
import { sleep, within } from "../../runtime/abort.ts";
import { deferred } from "../../runtime/deferred.ts";
import { fullJitterMs } from "../../runtime/retry.ts";
import type { Lane, News } from "../effects.ts";
import { newsOf, newsTexts } from "./news-text.ts";
import { cut } from "./pool.ts";

export interface NewsWire {
  announce(news: News): void;
  /** Answers how to stop listening. */
  listen(listener: Listener): () => void;
  close(): Promise<void>;
}

type Listener = (news: News | undefined) => void;

export interface NewsOptions {
  readonly config: pg.ClientConfig;
  /** Not quoted: news stay among the brokers of one schema. */
  readonly schema: string;
  /** Of this handle of the store alone. */
  readonly broker: string;
  /** 0 to below 1: spreads tries. */
  readonly random: () => number;
}

/** A connection that says nothing is asked whether it is still there, and still to the server that takes writes. */
const askMs = 10_000;
const waitMsMax = 5_000;
const goodbyeMs = 500;
/** Kept for the time when there is no connection, or a busy one; beyond it they are dropped. */
const keptMax = 1_000;

/** The channel of a schema's news. The enqueue function of the schema names it too. */
function channelOf(schema: string): string {
  return `conveyor:${schema}`;
}

/** Neither tells nor hears: what was told is found by looking. */
export function silentNews(): NewsWire {
  return { announce: () => undefined, listen: () => () => undefined, close: async () => undefined };
}

/**
 * News over one connection of their own, by LISTEN and NOTIFY, outside of every job's transaction.
 * Idle (nobody has listened or told) -> connecting <-> connected -> closed. After each (re)connection listeners hear undefined.
 */
export function createNewsWire(options: NewsOptions): NewsWire {
  const listeners = new Set<Listener>();
  const closing = new AbortController();
  let pending = emptyNews();
  let client: pg.Client | undefined;
  let running: Promise<void> | undefined;
  let isTelling = false;

  function tell(news: News | undefined): void {
    for (const listener of listeners) listener(news);
  }

  async function run(): Promise<void> {
    for (let failures = 0; !closing.signal.aborted; failures += 1) {
      const startedAt = performance.now();
      await hearUntilLost().catch(() => undefined);
      if (performance.now() - startedAt > waitMsMax) failures = 0;
      await sleep(fullJitterMs(failures, { maxMs: waitMsMax, random: options.random }), closing.signal).catch(
        () => undefined,
      );
    }
  }

  /** Connects, hears, and ends (well or badly) when the connection does. */
  async function hearUntilLost(): Promise<void> {
    const made = new pg.Client({ ...options.config, application_name: `conveyor news ${options.schema}` });
    const lost = deferred<void>();
    made.on("error", () => lost.resolve());
    made.on("end", () => lost.resolve());
    made.on("notification", ({ payload = "" }) => {
      const news = newsOf(payload, options.broker);
      if (news !== undefined) tell(news);
    });
    const onClose = (): void => lost.resolve();
    closing.signal.addEventListener("abort", onClose);
    try {
      const isLost = lost.promise.then(() => true);
      if (await Promise.race([connect(made).then(() => false), isLost])) return;
      client = made;
      tell(undefined);
      void flush();
      while (await isAlive(made, lost.promise));
    } finally {
      client = undefined;
      closing.signal.removeEventListener("abort", onClose);
      await end(made);
    }
  }

  async function connect(made: pg.Client): Promise<void> {
    await made.connect();
    await made.query(`LISTEN ${pg.escapeIdentifier(channelOf(options.schema))}`);
  }

  /** Waits a while; false when the connection is lost meanwhile, or the server has become a replica. */
  async function isAlive(asked: pg.Client, lost: Promise<void>): Promise<boolean> {
    const stop = new AbortController();
    const isLost = await Promise.race([
      lost.then(() => true),
      sleep(askMs, stop.signal).then(
        () => false,
        () => true,
      ),
    ]);
    stop.abort();
    if (isLost) return false;
    const { rows } = await asked.query<{ readonly replica: boolean }>("SELECT pg_is_in_recovery() AS replica");
    return rows[0]?.replica === false;
  }

  /** One telling at a time: what comes meanwhile goes together with the next. */
  async function flush(): Promise<void> {
    if (isTelling) return;
    isTelling = true;
    try {
      for (let told = client; told !== undefined; told = client) {
        const texts = newsTexts(newsFrom(pending), options.broker);
        pending = emptyNews();
        if (texts.length === 0) return;
        await told.query("SELECT pg_notify($1, text) FROM unnest($2::text[]) AS text", [
          channelOf(options.schema),
          texts,
        ]);
      }
    } catch {
      // Lost with the connection, as hints may be.
    } finally {
      isTelling = false;
    }
  }

  return {
    announce(news) {
      if (closing.signal.aborted) return;
      keep(pending, news);
      running ??= run();
      void flush();
    },
    listen(listener) {
      if (closing.signal.aborted) return () => undefined;
      // A listener that is given twice is two.
      const own: Listener = (news) => listener(news);
      listeners.add(own);
      running ??= run();
      return () => {
        listeners.delete(own);
      };
    },
    async close() {
      listeners.clear();
      closing.abort();
      await running;
    },
  };
}

/** With a word to the server where it listens, and without where it does not. */
async function end(client: pg.Client): Promise<void> {
  if (!(await within(client.end(), goodbyeMs))) cut(client);
}

interface Pending {
  readonly readied: Map<string, Lane>;
  readonly ended: Set<News["ended"][number]>;
  readonly cancels: Map<string, News["cancels"][number]>;
}

function emptyNews(): Pending {
  return { readied: new Map(), ended: new Set(), cancels: new Map() };
}

function keep(pending: Pending, news: News): void {
  for (const lane of news.readied)
    if (pending.readied.size < keptMax) pending.readied.set(`${lane.queue} ${lane.type}`, lane);
  for (const id of news.ended) if (pending.ended.size < keptMax) pending.ended.add(id);
  for (const each of news.cancels) if (pending.cancels.size < keptMax) pending.cancels.set(each.leaseId, each);
}

function newsFrom({ readied, ended, cancels }: Pending): News {
  return { readied: [...readied.values()], ended: [...ended], cancels: [...cancels.values()] };
}
