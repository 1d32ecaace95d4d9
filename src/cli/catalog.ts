import type { Command } from "./command.ts";
import { chainShow } from "./commands/chain-show.ts";
import { deadDelete } from "./commands/dead-delete.ts";
import { deadList } from "./commands/dead-list.ts";
import { deadRetry } from "./commands/dead-retry.ts";
import { demo } from "./commands/demo.ts";
import { enqueue } from "./commands/enqueue.ts";
import { health } from "./commands/health.ts";
import { init } from "./commands/init.ts";
import { jobCancel } from "./commands/job-cancel.ts";
import { jobDelete } from "./commands/job-delete.ts";
import { jobList } from "./commands/job-list.ts";
import { jobRetry } from "./commands/job-retry.ts";
import { jobShow } from "./commands/job-show.ts";
import { jobWait } from "./commands/job-wait.ts";
import { queueLimit } from "./commands/queue-limit.ts";
import { queuePause } from "./commands/queue-pause.ts";
import { queuePurge } from "./commands/queue-purge.ts";
import { queueResume } from "./commands/queue-resume.ts";
import { queueSet } from "./commands/queue-set.ts";
import { queueShow } from "./commands/queue-show.ts";
import { serve } from "./commands/serve.ts";
import { version } from "./commands/version.ts";

/** Every command, in the order in which help shows them. */
export const commands: readonly Command[] = [
  demo,
  init,
  serve,
  enqueue,
  jobList,
  jobShow,
  jobWait,
  jobCancel,
  jobRetry,
  jobDelete,
  chainShow,
  deadList,
  deadRetry,
  deadDelete,
  queueShow,
  queuePause,
  queueResume,
  queueLimit,
  queueSet,
  queuePurge,
  health,
  version,
];
