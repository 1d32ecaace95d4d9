import type { Command } from "./command.ts";
import { chainShow } from "./commands/chain-show.ts";
import { deadList } from "./commands/dead-list.ts";
import { enqueue } from "./commands/enqueue.ts";
import { health } from "./commands/health.ts";
import { jobList } from "./commands/job-list.ts";
import { jobShow } from "./commands/job-show.ts";
import { jobWait } from "./commands/job-wait.ts";
import { queueLimit } from "./commands/queue-limit.ts";
import { queuePause } from "./commands/queue-pause.ts";
import { queueResume } from "./commands/queue-resume.ts";
import { queueSet } from "./commands/queue-set.ts";
import { queueShow } from "./commands/queue-show.ts";
import { serve } from "./commands/serve.ts";
import { version } from "./commands/version.ts";

/** Every command, in the order in which help shows them. */
export const commands: readonly Command[] = [
  serve,
  enqueue,
  jobList,
  jobShow,
  jobWait,
  chainShow,
  deadList,
  queueShow,
  queuePause,
  queueResume,
  queueLimit,
  queueSet,
  health,
  version,
];
