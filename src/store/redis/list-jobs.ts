import type { JobSummary } from "../../core/job.ts";
import { State } from "../codes.ts";
import type { ListFilter, Page, PageRequest } from "../query.ts";
import { ask } from "./ask.ts";
import type { Connection } from "./connection.ts";
import { parseCursor } from "./cursor.ts";
import { findJob } from "./find-jobs.ts";
import { summaryOf } from "./job-record.ts";
import { listOf, numberOf, type Unpacked } from "./msgpack.ts";

const Source = { ALL: 0, CHAIN: 1, BELOW: 2 } as const;

/** What one shard has of a page: its next jobs in order, and what is known of the rest. */
interface Stretch {
  readonly rows: readonly { readonly job: JobSummary; readonly place: number }[];
  /** Where the search stopped. */
  readonly place: number;
  /** No job that is left is younger. */
  readonly createdAt: number;
  readonly isOver: boolean;
}

/** What is over needs no place. */
const over = -9;

/** One page of the jobs that match: newest first over all shards, below a parent in declaration order. */
export async function listJobs(
  connection: Connection,
  filter: ListFilter,
  page: PageRequest,
): Promise<Page<JobSummary>> {
  const top = filter.parentId ?? filter.rootId;
  if (top === undefined) {
    const shards = Array.from({ length: connection.shards }, (_, shard) => shard);
    return listFrom(connection, filter, page, { source: Source.ALL, job: 0, shards });
  }
  const job = await findJob(connection, top);
  if (job === undefined) return { items: [], cursor: undefined };
  const source = filter.parentId === undefined ? Source.CHAIN : Source.BELOW;
  return listFrom(connection, filter, page, { source, job: job.number, shards: [job.shard] });
}

interface From {
  readonly source: number;
  readonly job: number;
  readonly shards: readonly number[];
}

async function listFrom(
  connection: Connection,
  filter: ListFilter,
  page: PageRequest,
  { source, job, shards }: From,
): Promise<Page<JobSummary>> {
  const places = page.cursor === undefined ? shards.map(() => -1) : parseCursor(page.cursor, shards.length);
  // One more than wanted tells whether there is a next page; of many shards each gives a share, and the page may be short.
  const rowsMax =
    shards.length === 1 ? page.size + 1 : Math.min(page.size + 1, Math.ceil((2 * page.size) / shards.length) + 8);
  const states = [...new Set(filter.states)].map((state) => State[state]);
  const stretches = await Promise.all(
    shards.map(async (shard, index): Promise<Stretch> => {
      const place = places[index] ?? over;
      if (place === over) return { rows: [], place: over, createdAt: 0, isOver: true };
      const asked = [
        source,
        job,
        place,
        rowsMax,
        states,
        filter.queue ?? false,
        filter.type ?? false,
        filter.includeChainFailed ? 1 : 0,
        filter.errorFingerprint ?? false,
        filter.updatedSince ?? false,
        filter.rootsOnly === true ? 1 : 0,
      ];
      return stretchOf(await ask(connection, shard, "list", asked), filter);
    }),
  );
  const merged = merge(stretches, page.size, places);
  const isOver = merged.places.every((place) => place === over);
  return { items: merged.items, cursor: isOver ? undefined : merged.places.join(".") };
}

function stretchOf(answer: Unpacked, { rootId }: ListFilter): Stretch {
  const [rows, after, place, createdAt, isOver] = listOf(answer);
  const places = listOf(after);
  return {
    rows: listOf(rows)
      .map((row, index) => ({ job: summaryOf(row), place: numberOf(places[index]) }))
      .filter(({ job }) => rootId === undefined || job.rootId === rootId),
    place: numberOf(place),
    createdAt: numberOf(createdAt),
    isOver: isOver === 1,
  };
}

/** Takes the youngest of all stretches in turn, as long as no stretch may have a younger one that was not read. */
function merge(
  stretches: readonly Stretch[],
  size: number,
  before: readonly number[],
): { readonly items: readonly JobSummary[]; readonly places: readonly number[] } {
  const items: JobSummary[] = [];
  const taken = stretches.map(() => 0);
  while (items.length < size) {
    const best = youngest(stretches, taken);
    if (best === undefined) break;
    const row = stretches[best]?.rows[taken[best] ?? 0];
    if (row === undefined) break;
    items.push(row.job);
    taken[best] = (taken[best] ?? 0) + 1;
  }
  const places = stretches.map((stretch, index) => {
    const count = taken[index] ?? 0;
    if (count === stretch.rows.length) return stretch.isOver ? over : stretch.place;
    return count === 0 ? (before[index] ?? over) : (stretch.rows[count - 1]?.place ?? over);
  });
  return { items, places };
}

/** The stretch whose next job is the youngest; undefined: that cannot be said before more is read, or all is over. */
function youngest(stretches: readonly Stretch[], taken: readonly number[]): number | undefined {
  let best: number | undefined;
  let bestJob: JobSummary | undefined;
  let unread = Number.NEGATIVE_INFINITY;
  for (const [index, stretch] of stretches.entries()) {
    const job = stretch.rows[taken[index] ?? 0]?.job;
    if (job === undefined) {
      if (!stretch.isOver) unread = Math.max(unread, stretch.createdAt);
    } else if (bestJob === undefined || isYounger(job, bestJob)) {
      best = index;
      bestJob = job;
    }
  }
  return bestJob === undefined || (stretches.length > 1 && bestJob.createdAt <= unread) ? undefined : best;
}

function isYounger(one: JobSummary, two: JobSummary): boolean {
  return one.createdAt > two.createdAt || (one.createdAt === two.createdAt && one.id > two.id);
}
