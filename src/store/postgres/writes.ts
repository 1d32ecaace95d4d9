import { defaultRetention } from "../../core/job.ts";
import type { Store, StoreOptions } from "../store.ts";
import { cancel, retry } from "./cancel-retry.ts";
import { commit } from "./commit.ts";
import type { Connection } from "./connection.ts";
import { encodeDefaults } from "./encode-settle.ts";
import { remove } from "./remove.ts";
import { closeSession, detachSession, openSession, resumeSession } from "./sessions.ts";
import { report, stage } from "./stage.ts";
import { createSweeper } from "./sweeper.ts";
import { updateQueue } from "./update-queue.ts";
import { cascade, expand, promote, propagate, prune, reap } from "./upkeep.ts";

type Writes = Pick<
  Store,
  | "commit"
  | "openSession"
  | "resumeSession"
  | "detachSession"
  | "closeSession"
  | "promote"
  | "reap"
  | "propagate"
  | "cascade"
  | "expand"
  | "prune"
  | "cancel"
  | "retry"
  | "remove"
  | "stage"
  | "report"
  | "updateQueue"
>;

type WriteOptions = Pick<StoreOptions, "defaults" | "retention">;

/** The verbs that write: each is one call of a function of the schema, which is one transaction. */
export function createWrites(connection: Connection, options: WriteOptions): Writes {
  const { defaults: server, retention = defaultRetention } = options;
  const defaults = { server, encoded: encodeDefaults(server) };
  const sweeper = createSweeper(connection);
  return {
    async commit(batch) {
      const answer = await commit(connection, defaults, batch);
      for (const each of answer.claimed) if (each.kind === "claimed") sweeper.moved(each.leases.length);
      return answer;
    },
    openSession: (session) => openSession(connection, session),
    resumeSession: (request) => resumeSession(connection, defaults, request),
    detachSession: (request) => detachSession(connection, request),
    closeSession: (ref) => closeSession(connection, ref),
    async promote({ max }) {
      const answer = await promote(connection, max);
      sweeper.moved(answer.count);
      return answer;
    },
    reap: (request) => reap(connection, defaults, request),
    propagate: ({ max }) => propagate(connection, max),
    cascade: ({ max }) => cascade(connection, max),
    expand: ({ max }) => expand(connection, max),
    prune: ({ max }) => prune(connection, retention, max),
    cancel: (items) => cancel(connection, items),
    retry: (items) => retry(connection, items),
    remove: (roots, { max }) => remove(connection, roots, max),
    stage: (items) => stage(connection, items),
    report: (items) => report(connection, items),
    updateQueue: (name, change) => updateQueue(connection, name, change),
  };
}
