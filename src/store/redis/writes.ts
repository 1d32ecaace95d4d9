import { defaultRetention, type Retention, type ServerDefaults } from "../../core/job.ts";
import type { Store } from "../store.ts";
import { callContext } from "./call-context.ts";
import type { Writing } from "./calls.ts";
import { cancel } from "./cancel.ts";
import { commit } from "./commit.ts";
import type { Connection } from "./connection.ts";
import { prune } from "./prune.ts";
import { remove } from "./remove.ts";
import { retry } from "./retry.ts";
import { closeSession, detachSession, openSession, resumeSession } from "./sessions.ts";
import { report, stage } from "./stage.ts";
import { updateQueue } from "./update-queue.ts";
import { cascade, expand, promote, propagate, reap } from "./upkeep.ts";

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

interface WritesOptions {
  readonly defaults: ServerDefaults;
  readonly retention?: Retention | undefined;
}

/** The verbs that write, over the connections to a namespace. */
export function createWrites(
  connection: Connection,
  { defaults, retention = defaultRetention }: WritesOptions,
): Writes {
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
    expand: ({ max }) => expand(writing, max),
    prune: ({ max }) => prune(writing, { max, retention }),
    cancel: (items) => cancel(writing, items),
    retry: (items) => retry(writing, items),
    remove: (roots, { max }) => remove(writing, roots, max),
    stage: (items) => stage(writing, items),
    report: (items) => report(writing, items),
    updateQueue: (name, change) => updateQueue(writing, name, change),
  };
}
