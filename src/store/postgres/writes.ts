import type { ServerDefaults } from "../../core/job.ts";
import type { Store } from "../store.ts";
import { commit } from "./commit.ts";
import type { Connection } from "./connection.ts";
import { encodeDefaults } from "./encode-settle.ts";
import { closeSession, detachSession, openSession, resumeSession } from "./sessions.ts";
import { createSweeper } from "./sweeper.ts";
import { updateQueue } from "./update-queue.ts";
import { cascade, promote, propagate, reap } from "./upkeep.ts";

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

/** The verbs that write: each is one call of a function of the schema, which is one transaction. */
export function createWrites(connection: Connection, server: ServerDefaults): Writes {
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
    expand: notYet,
    prune: notYet,
    cancel: notYet,
    retry: notYet,
    remove: notYet,
    stage: notYet,
    report: notYet,
    updateQueue: (name, change) => updateQueue(connection, name, change),
  };
}

function notYet(): Promise<never> {
  throw new Error("this verb is not there yet");
}
