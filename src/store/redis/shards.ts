import type { LeaseId } from "../../core/names.ts";

/** The shard of a root, session or queue, by its name. Source of the hash: FNV-1a, 32 bit, over UTF-16 code units. */
export function shardOf(name: string, shards: number): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < name.length; index += 1) {
    hash = Math.imul(hash ^ name.charCodeAt(index), 0x01000193) >>> 0;
  }
  // The low bits of FNV are the weak ones.
  return ((hash ^ (hash >>> 15)) >>> 0) % shards;
}

/** Where the job of a lease is. */
export interface LeasePlace {
  readonly shard: number;
  /** Number of the job. */
  readonly job: number;
  readonly nonce: string;
}

const pattern = /^([0-9a-z]{1,4})\.([0-9a-z]{1,11})\.(.{1,255})$/;

/** A lease id names its job and its shard, so that an outcome finds its record without an index on leases; the nonce makes it unguessable. */
export function leaseIdOf({ shard, job, nonce }: LeasePlace): LeaseId {
  return `${shard.toString(36)}.${job.toString(36)}.${nonce}` as LeaseId;
}

/** Undefined: it is no lease of a store with so many shards. */
export function leasePlace(leaseId: string, shards: number): LeasePlace | undefined {
  const [, shardText, jobText, nonce] = pattern.exec(leaseId) ?? [];
  if (shardText === undefined || jobText === undefined || nonce === undefined) return undefined;
  const shard = Number.parseInt(shardText, 36);
  const job = Number.parseInt(jobText, 36);
  if (shard >= shards || !Number.isSafeInteger(job) || job < 1) return undefined;
  return { shard, job, nonce };
}
