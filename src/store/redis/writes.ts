import { ConveyorError } from "../../core/errors.ts";
import type { ServerDefaults } from "../../core/job.ts";
import type { Store } from "../store.ts";
import { callContext } from "./call-context.ts";
import type { Writing } from "./calls.ts";
import { commit } from "./commit.ts";
import type { Connection } from "./connection.ts";
import { closeSession, detachSession, openSession, resumeSession } from "./sessions.ts";
import { updateQueue } from "./update-queue.ts";
import { cascade, promote, propagate, reap } from "./upkeep.ts";

export type Writes = Pick<
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

/** The verbs that write, over the connections to a namespace. */
export function createWrites(connection: Connection, { defaults }: { readonly defaults: ServerDefaults }): Writes {
  let tries = 0;
  const writing: Writing = {
    connection,
    defaults,
    context: callContext(defaults),
    tries: () => {
      tries += 1;
      return tries;
    },
  };
  return {
    commit: (batch) => commit(writing, batch),
    openSession: (session) => openSession(writing, session),
    resumeSession: (request) => resumeSession(writing, request),
    detachSession: (request) => detachSession(writing, request),
    closeSession: (ref) => closeSession(writing, ref),
    promote: ({ max }) => promote(writing, max),
    reap: (request) => reap(writing, request),
    propagate: ({ max }) => propagate(writing, max),
    cascade: ({ max }) => cascade(writing, max),
    expand: notYet,
    prune: notYet,
    cancel: notYet,
    retry: notYet,
    remove: notYet,
    stage: notYet,
    report: notYet,
    updateQueue: (name, change) => updateQueue(writing, name, change),
  };
}

async function notYet(): Promise<never> {
  throw new ConveyorError("INTERNAL", "this is not built yet");
}
