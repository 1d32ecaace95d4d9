import type { EndReason } from "../../core/job.ts";
import type { JobId, LeaseId, QueueName, SessionId, TypeName } from "../../core/names.ts";
import { Reason } from "../codes.ts";
import type { News } from "../effects.ts";

/** News as they travel: types by queue, jobs, cancels; `b` is the broker that tells them (none: an application's enqueue). */
interface Telling {
  readonly b?: string;
  readonly r?: Readonly<Record<string, readonly string[]>>;
  readonly e?: readonly string[];
  readonly c?: readonly (readonly [session: string, lease: string, reason: string])[];
}

/** PostgreSQL takes payloads below 8,000 bytes. */
const textBytesMax = 7_900;
/** Told at once; what is beyond is left out, as hints may be. */
const textsMax = 4;

/** The news in as many texts as they need, up to four; cancels first, since they are awaited by somebody's handler. */
export function newsTexts(news: News, broker: string): readonly string[] {
  const texts: string[] = [];
  let draft = emptyDraft();
  let bytes = 0;
  const add = (pieceBytes: number, put: (into: Draft) => void): void => {
    if (bytes + pieceBytes > textBytesMax) {
      texts.push(textOf(draft, broker));
      draft = emptyDraft();
      bytes = 0;
    }
    if (bytes === 0) bytes = broker.length + 40;
    bytes += pieceBytes;
    put(draft);
  };
  for (const { sessionId, leaseId, reason } of news.cancels) {
    const piece = [sessionId, leaseId, reason] as const;
    add(sizeOf(piece), (into) => into.c.push(piece));
  }
  for (const { queue, type } of news.readied) {
    add(sizeOf([queue, [type]]), (into) => into.r.set(queue, [...(into.r.get(queue) ?? []), type]));
  }
  for (const id of news.ended) add(sizeOf(id), (into) => into.e.push(id));
  if (bytes > 0) texts.push(textOf(draft, broker));
  return texts.slice(0, textsMax);
}

interface Draft {
  readonly r: Map<string, readonly string[]>;
  readonly e: string[];
  readonly c: (readonly [string, string, string])[];
}

function emptyDraft(): Draft {
  return { r: new Map(), e: [], c: [] };
}

function textOf({ r, e, c }: Draft, broker: string): string {
  return JSON.stringify({ b: broker, r: Object.fromEntries(r), e, c } satisfies Telling);
}

function sizeOf(piece: unknown): number {
  return Buffer.byteLength(JSON.stringify(piece)) + 1;
}

/** What another broker told; undefined: it is our own, or nothing that can be read. Anyone in the database may have written it. */
export function newsOf(text: string, broker: string): News | undefined {
  const told = parsed(text);
  if (told === undefined || told.b === broker) return undefined;
  return {
    // Names as another store checked them; who uses them looks them up.
    readied: Object.entries(recordOf(told.r)).flatMap(([queue, types]) =>
      textsOf(types).map((type) => ({ queue: queue as QueueName, type: type as TypeName })),
    ),
    ended: textsOf(told.e).map((id) => id as JobId),
    cancels: listOf(told.c).flatMap((each) => {
      const [session, lease, reason] = textsOf(each);
      if (session === undefined || lease === undefined || reason === undefined || !isReason(reason)) return [];
      return [{ sessionId: session as SessionId, leaseId: lease as LeaseId, reason }];
    }),
  };
}

function parsed(text: string): Readonly<Record<keyof Telling, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<keyof Telling, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

function isReason(text: string): text is EndReason {
  return Object.hasOwn(Reason, text);
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function textsOf(value: unknown): readonly string[] {
  return listOf(value).filter((each) => typeof each === "string");
}

function recordOf(value: unknown): object {
  return typeof value === "object" && value !== null ? value : {};
}
