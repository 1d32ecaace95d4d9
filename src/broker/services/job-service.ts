import type { ServerDuplexStream, ServerWritableStream, UntypedServiceImplementation } from "@grpc/grpc-js";
import { JobService } from "../../../gen/conveyor/v1/job_service_pb.ts";
import { jobToWire } from "../../wire/job-to-wire.ts";
import { cancelJobs, deleteJobs, retryJobs } from "./bulk-jobs.ts";
import { cancelJob, deleteJob, retryJob } from "./change-jobs.ts";
import { enqueueMany, enqueueOne } from "./enqueue.ts";
import type { EnqueueStreams } from "./enqueue-streams.ts";
import { getChain, getJob, listJobs, readJob } from "./read-jobs.ts";
import { gated, type ServiceContext } from "./service-context.ts";
import { waitJob } from "./wait-job.ts";
import type { WatchStreams } from "./watch-jobs.ts";

export function jobService(
  context: ServiceContext,
  streams: { readonly enqueue: EnqueueStreams; readonly watch: WatchStreams },
): UntypedServiceImplementation {
  const { method } = JobService;
  return {
    enqueue: gated(context, method.enqueue, async (request, caller) => {
      const { id, deduplicated } = await enqueueOne(context, request, caller);
      // Who may enqueue may see what became of it, also where reading is not allowed.
      const job = await readJob(context, id, { admit: () => undefined });
      return { job: jobToWire(job, "BASIC"), deduplicated };
    }),
    enqueueBatch: gated(context, method.enqueueBatch, (request, caller) => enqueueMany(context, request, caller)),
    enqueueStream: (call: ServerDuplexStream<Buffer, Buffer>) => streams.enqueue.serve(call),
    getJob: gated(context, method.getJob, (request, caller) => getJob(context, request, caller)),
    listJobs: gated(context, method.listJobs, (request, caller) => listJobs(context, request, caller)),
    getChain: gated(context, method.getChain, (request, caller) => getChain(context, request, caller)),
    waitJob: gated(context, method.waitJob, (request, caller) => waitJob(context, request, caller)),
    watchJobs: (call: ServerWritableStream<Buffer, Buffer>) => streams.watch.serve(call),
    cancelJob: gated(context, method.cancelJob, (request, caller) => cancelJob(context, request, caller)),
    retryJob: gated(context, method.retryJob, (request, caller) => retryJob(context, request, caller)),
    deleteJob: gated(context, method.deleteJob, (request, caller) => deleteJob(context, request, caller)),
    cancelJobs: gated(context, method.cancelJobs, (request, caller) => cancelJobs(context, request, caller)),
    retryJobs: gated(context, method.retryJobs, (request, caller) => retryJobs(context, request, caller)),
    deleteJobs: gated(context, method.deleteJobs, (request, caller) => deleteJobs(context, request, caller)),
  };
}
