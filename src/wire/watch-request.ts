import type { WatchJobsRequest } from "../../gen/conveyor/v1/job_service_pb.ts";
import { ConveyorError } from "../core/errors.ts";
import { type JobId, parseJobId } from "../core/names.ts";
import { invalidField } from "./invalid-field.ts";
import { openToken, sealToken } from "./page-token.ts";

const watchedIdsMax = 1_000;
/** Longer ago the store may know nothing any more of what was removed since. */
const tokenMsMax = 3_600_000;
/** A store that was put back in time knows less than the watcher has seen. */
const tokenAheadMsMax = 60_000;

/** What is watched: jobs by id, or a chain. */
export type Watched =
  | { readonly kind: "jobs"; readonly ids: readonly JobId[] }
  | { readonly kind: "chain"; readonly rootId: JobId };

/** What a request wants watched; INVALID_OPTION unless it is one of both, INVALID_NAME with the path. */
export function watchedFromWire({ ids, rootId }: WatchJobsRequest): Watched {
  if (ids.length > 0 === (rootId !== "")) throw invalidField("INVALID_OPTION", "ids", "set either ids or root_id");
  if (ids.length === 0) return { kind: "chain", rootId: parseJobId(rootId, "root_id") };
  if (ids.length > watchedIdsMax) {
    throw invalidField("INVALID_OPTION", "ids", `at most ${watchedIdsMax} are watched at once, got ${ids.length}`);
  }
  const parsed = ids.map((id, index) => parseJobId(id, `ids[${index}]`));
  return { kind: "jobs", ids: [...new Set(parsed)] };
}

/** A place to go on at: all that changed before it, in ms on the store's clock, was sent. */
export function resumeTokenOf(timeMs: number, watched: Watched): string {
  return sealToken(String(timeMs), bindingOf(watched));
}

/** The time inside a resume token; undefined for the empty one. BAD_TOKEN for one of another request, RESUME_TOKEN_EXPIRED for one that is too old. */
export function resumeTimeOf(token: string, watched: Watched, nowMs: number): number | undefined {
  if (token === "") return undefined;
  const timeMs = Number(openToken(token, bindingOf(watched)) ?? Number.NaN);
  if (Number.isNaN(timeMs)) {
    const problem = "it is no resume_token of this request; watch again without it";
    throw new ConveyorError("BAD_TOKEN", `resume_token: ${problem}`, {
      details: { fields: [{ path: "resume_token", problem }] },
    });
  }
  if (timeMs >= nowMs - tokenMsMax && timeMs <= nowMs + tokenAheadMsMax) return timeMs;
  throw new ConveyorError(
    "RESUME_TOKEN_EXPIRED",
    "resume_token: it is too old to tell what has changed since; watch again without it",
  );
}

function bindingOf(watched: Watched): string {
  return JSON.stringify(watched);
}
