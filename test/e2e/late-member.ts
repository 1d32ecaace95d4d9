// A worker process of the tests that never sends a heartbeat and settles around the end of its session, so that its results
// race the reaper; what was not answered is sent again in its next session. Tells its parent process what became of each result.
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { Client, credentials } from "@grpc/grpc-js";
import { JobState } from "../../gen/conveyor/v1/job_pb.ts";
import {
  WorkerService,
  type WorkRequest,
  WorkRequestSchema,
  type WorkResponse,
} from "../../gen/conveyor/v1/worker_service_pb.ts";
import { type FrameStream, openFrameStream } from "../../src/wire/stream.ts";

/** What a late member tells: the broker's answer to the result of one attempt. */
export interface AckReport {
  readonly id: string;
  readonly attempt: number;
  readonly accepted: boolean;
}

type Frame = NonNullable<MessageInitShape<typeof WorkRequestSchema>["frame"]>;

const [address = "", type = "", ttlMs = "0"] = process.argv.slice(2);
const client = new Client(address, credentials.createInsecure());
/** Results without an answer, by lease. */
const unanswered = new Map<string, { readonly id: string; readonly attempt: number }>();
let stopped = false;

process.once("disconnect", () => process.exit(0));
process.once("SIGTERM", () => {
  stopped = true;
});

while (!stopped || unanswered.size > 0) await oneSession();
client.close();
process.disconnect?.();

/** Resolves when the session's stream is over. */
function oneSession(): Promise<void> {
  return new Promise((resolve) => {
    let welcomedAt = 0;
    const idle = setInterval(() => {
      if (stopped && unanswered.size === 0) stream.close();
    }, Number(ttlMs));
    const stream = openFrameStream(client, WorkerService.method.work, {
      onFrame,
      onClose: () => {
        clearInterval(idle);
        resolve();
      },
    });

    function onFrame({ frame }: WorkResponse): void {
      if (frame.case === "welcome") {
        welcomedAt = performance.now();
        settle([...unanswered.keys()]);
      }
      if (frame.case === "deliveries") {
        const { deliveries } = frame.value;
        for (const { leaseId, jobId, attempt } of deliveries) unanswered.set(leaseId, { id: jobId, attempt });
        settleLate(deliveries.map((delivery) => delivery.leaseId));
      }
      if (frame.case === "resultAcks") for (const { leaseId, state } of frame.value.acks) answered(leaseId, state);
    }

    /** Between a little before the session's end and well after it. */
    function settleLate(leaseIds: readonly string[]): void {
      const wait = welcomedAt + Number(ttlMs) * (0.9 + Math.random()) - performance.now();
      setTimeout(() => settle(leaseIds), Math.max(1, wait));
    }

    function settle(leaseIds: readonly string[]): void {
      const results = leaseIds.map((leaseId) => ({ leaseId, outcome: { case: "success", value: {} } }) as const);
      if (results.length > 0) send(stream, { case: "results", value: { results } });
    }

    send(stream, {
      case: "hello",
      value: {
        protocolVersion: 1,
        worker: `late-${process.pid}`,
        instanceId: `late-${process.pid}`,
        concurrency: 32,
        subscriptions: [{ queue: "default", types: [type] }],
        capacity: { seq: 1n, maxInFlight: 32 },
      },
    });
  });
}

function answered(leaseId: string, state: JobState): void {
  const held = unanswered.get(leaseId);
  unanswered.delete(leaseId);
  if (held !== undefined) process.send?.({ ...held, accepted: state === JobState.COMPLETED } satisfies AckReport);
}

function send(stream: FrameStream<WorkRequest>, frame: Frame): void {
  if (!stream.closed) stream.send(create(WorkRequestSchema, { frame }));
}
