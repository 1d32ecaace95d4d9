import { HashFileJob, MergeManifestJob, ScanFolderJob } from "../../gen/manifest/v1/manifest_jobs.ts";
import type { Conveyor, QueueInfo } from "../../src/index.ts";

/** How far a chain is. */
export interface Progress {
  readonly files: Count;
  readonly folders: Count;
  readonly manifests: Count;
  /** Levels of the chain that are known so far. */
  readonly levels: number;
}

/** Jobs that ended well, and jobs that are known so far. */
export interface Count {
  readonly done: number;
  readonly known: number;
}

/** Looks how far the one chain of a broker is. */
export type LookAtProgress = (signal: AbortSignal) => Promise<Progress>;

/** The chain's depth takes a read of all its nodes: not at every look. */
const levelsEveryMs = 1_000;

/** Reads counts that the broker keeps per queue, type and state, so that a look costs the same whatever the chain's size. */
export function progressOf(conveyor: Conveyor, chainId: string): LookAtProgress {
  let levels = 1;
  let levelsReadAt = Number.NEGATIVE_INFINITY;
  return async (signal) => {
    const files = await conveyor.queue("files", { signal }).catch(noQueue);
    const folders = await conveyor.queue("folders", { signal }).catch(noQueue);
    if (performance.now() - levelsReadAt > levelsEveryMs) {
      const { nodes } = await conveyor.chain(chainId, { signal });
      levels = 1 + nodes.reduce((deepest, { depth }) => Math.max(deepest, depth), 0);
      levelsReadAt = performance.now();
    }
    return {
      files: countOf(files, HashFileJob.name),
      folders: countOf(folders, ScanFolderJob.name),
      manifests: countOf(folders, MergeManifestJob.name),
      levels,
    };
  };
}

function countOf(queue: QueueInfo | undefined, type: string): Count {
  const counts = queue?.types.find((each) => each.type === type)?.counts ?? {};
  return { done: counts.COMPLETED ?? 0, known: Object.values(counts).reduce((sum, count) => sum + count, 0) };
}

/** A queue begins with its first job: a chain without files never has one. */
function noQueue(error: unknown): undefined {
  if (error instanceof Error && "code" in error && error.code === "QUEUE_NOT_FOUND") return undefined;
  throw error;
}
