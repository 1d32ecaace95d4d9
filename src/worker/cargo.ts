import type { Result } from "../../gen/conveyor/v1/worker_service_pb.ts";
import type { ClientFrame } from "./broker-stream.ts";
import type { Outbox } from "./outbox.ts";
import type { ProgressPost } from "./progress-post.ts";
import type { Staging } from "./staging.ts";

/** All that waits for the broker, frame by frame: what handlers said last goes before their results, staged children go last. */
export interface Cargo {
  next(): ClientFrame | undefined;
  /** There is another stream: `results` and whatever else is not acknowledged go again. */
  restart(results: readonly Result[]): void;
}

export function createCargo(sources: {
  readonly outbox: Outbox;
  readonly post: ProgressPost;
  readonly staging: Staging;
}): Cargo {
  const { outbox, post, staging } = sources;
  return {
    next() {
      const reports = post.take();
      if (reports.length > 0) return { case: "progress", value: { $typeName: "conveyor.v1.Progress", reports } };
      const results = outbox.take();
      if (results.length > 0) return { case: "results", value: { $typeName: "conveyor.v1.Results", results } };
      const stage = staging.take();
      return stage && { case: "stage", value: stage };
    },
    restart(results) {
      outbox.replace(results);
      staging.restart();
    },
  };
}
