import type { ServerDuplexStream, UntypedServiceImplementation } from "@grpc/grpc-js";
import { WorkerService } from "../../../gen/conveyor/v1/worker_service_pb.ts";
import { ConveyorError } from "../../core/errors.ts";
import { childResultToWire } from "../../wire/child-result-to-wire.ts";
import { childResultsQueryFromWire, pageSizeFromWire } from "../../wire/list-filters.ts";
import { cursorOf, pageTokenOf } from "../../wire/page-token.ts";
import { serveWork, type WorkStreamOptions } from "../sessions/work-stream.ts";
import { extendLeases } from "../unary/extend-leases.ts";
import { leaseJobs } from "../unary/lease-jobs.ts";
import { serveRelease } from "../unary/release-leases.ts";
import { reportResults } from "../unary/report-results.ts";
import { stageChildren } from "../unary/stage-children.ts";
import type { UnaryContext } from "../unary/unary-context.ts";
import { gated, type ServiceContext } from "./service-context.ts";

const pageSize = 500;
const pageBytesMax = 3 * 1024 * 1024;

export function workerService(
  context: ServiceContext,
  work: WorkStreamOptions,
  unary: UnaryContext,
): UntypedServiceImplementation {
  const { method } = WorkerService;
  return {
    work: (call: ServerDuplexStream<Buffer, Buffer>) => serveWork(call, work),
    leaseJobs: gated(context, method.leaseJobs, (request, caller) => leaseJobs(request, caller, unary)),
    reportResults: gated(context, method.reportResults, (request, caller) => reportResults(request, caller, unary)),
    stageChildren: gated(context, method.stageChildren, (request, caller) => stageChildren(request, caller, unary)),
    extendLeases: gated(context, method.extendLeases, (request, caller) => extendLeases(request, caller, unary)),
    releaseLeases: gated(context, method.releaseLeases, (request, caller) => serveRelease(request, caller, unary)),
    listChildResults: gated(context, method.listChildResults, async (request, caller) => {
      caller.admit();
      const { leaseId, type, completedOnly } = childResultsQueryFromWire(request);
      const size = pageSizeFromWire(request.pageSize, pageSize);
      const binding = JSON.stringify([leaseId, type, completedOnly]);
      const cursor = cursorOf(request.pageToken, binding);
      const filter = { type, completedOnly, bytesMax: pageBytesMax };
      // Asked of every page, since a lease id in the hands of another principal must be worth nothing.
      const isOwn = (await context.store.leasePrincipal(leaseId)) === caller.principal;
      const page = isOwn ? await context.store.listChildResults(leaseId, filter, { size, cursor }) : undefined;
      if (page === undefined) {
        throw new ConveyorError("LEASE_LOST", "the lease is not live, or its job is no heir", {
          details: { resource: { type: "lease", name: leaseId } },
        });
      }
      return { children: page.items.map(childResultToWire), nextPageToken: pageTokenOf(page.cursor, binding) };
    }),
  };
}
