import { defaultRetention, type Retention } from "../core/job.ts";
import { parseSpan } from "../core/span.ts";
import type { Arguments, Flag } from "./command.ts";

/** How long chains are kept whose queue says nothing of it; read by `retentionOf`. */
export const retentionFlags: Readonly<Record<string, Flag>> = {
  "retention-completed": {
    value: "SPAN",
    help: "how long a completed chain is kept (default 24h; a queue may differ)",
  },
  "retention-cancelled": { value: "SPAN", help: "how long a cancelled one is (default 24h)" },
  "retention-dead": { value: "SPAN", help: "how long a dead one is (default 30d)" },
};

/** What the flags say, and the server's own where they say nothing. Throws INVALID_OPTION. */
export function retentionOf(args: Arguments): Retention {
  const span = (state: string, unsetMs: number) => {
    const flag = `retention-${state}`;
    const text = args.value(flag);
    return text === undefined ? unsetMs : parseSpan(text, `--${flag}`);
  };
  return {
    completedMs: span("completed", defaultRetention.completedMs),
    cancelledMs: span("cancelled", defaultRetention.cancelledMs),
    deadMs: span("dead", defaultRetention.deadMs),
  };
}
