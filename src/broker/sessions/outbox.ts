import type {
  CancelRequest,
  Delivery,
  DrainReason,
  ResultAck,
  StageAck,
  WorkResponse,
} from "../../../gen/conveyor/v1/worker_service_pb.ts";
import type { EndReason } from "../../core/job.ts";
import type { LeaseId } from "../../core/names.ts";
import type { FrameStream } from "../../wire/stream.ts";
import { msToDuration } from "../../wire/time.ts";

/** What goes to a worker, in frames of a good size. */
export interface Outbox {
  /** Number of the last delivery. */
  readonly delivered: number;
  deliver(delivery: Delivery): void;
  /** Sends what `deliver` gathered. */
  flushDeliveries(): void;
  /** Goes with all other acks of the turn. */
  ack(ack: ResultAck): void;
  /** The same, of a Stage frame. */
  stageAck(ack: StageAck): void;
  capacityApplied(seq: bigint): void;
  cancel(requests: readonly { readonly leaseId: LeaseId; readonly reason: EndReason }[], graceMs: number): void;
  lost(leaseIds: readonly LeaseId[]): void;
  ping(): void;
  /** No more deliveries come; every other frame is served for so long. */
  drain(reason: DrainReason, graceMs: number): void;
}

const frameBytesSoft = 256 * 1024;
const deliveriesPerFrameMax = 200;
const acksPerFrameMax = 1_000;
/** What the fields of a delivery take beside payload and metadata, roughly. */
const fieldBytes = 256;

export function createOutbox(stream: FrameStream<WorkResponse>): Outbox {
  let delivered = 0;
  let gathered: Delivery[] = [];
  let gatheredBytes = 0;
  let acks: ResultAck[] = [];
  let stageAcks: StageAck[] = [];
  let pings = 0n;

  const send = (frame: WorkResponse["frame"]) => void stream.send({ $typeName: "conveyor.v1.WorkResponse", frame });

  function flushDeliveries(): void {
    if (gathered.length === 0) return;
    const deliveries = gathered;
    gathered = [];
    gatheredBytes = 0;
    send({ case: "deliveries", value: { $typeName: "conveyor.v1.Deliveries", seq: BigInt(delivered), deliveries } });
  }

  function flushAcks(): void {
    for (let from = 0; from < acks.length; from += acksPerFrameMax) {
      const some = acks.slice(from, from + acksPerFrameMax);
      send({ case: "resultAcks", value: { $typeName: "conveyor.v1.ResultAcks", acks: some } });
    }
    acks = [];
  }

  function flushStageAcks(): void {
    const some = stageAcks;
    stageAcks = [];
    send({ case: "stageAcks", value: { $typeName: "conveyor.v1.StageAcks", acks: some } });
  }

  return {
    get delivered() {
      return delivered;
    },
    deliver(delivery) {
      const bytes = deliveryBytes(delivery);
      if (gathered.length >= deliveriesPerFrameMax || gatheredBytes + bytes > frameBytesSoft) flushDeliveries();
      delivered += 1;
      gathered.push(delivery);
      gatheredBytes += bytes;
    },
    flushDeliveries,
    ack(ack) {
      // All results of a commit are answered within one turn: one frame names them.
      if (acks.push(ack) === 1) setImmediate(flushAcks);
    },
    stageAck(ack) {
      if (stageAcks.push(ack) === 1) setImmediate(flushStageAcks);
    },
    drain: (reason, graceMs) =>
      send({ case: "drain", value: { $typeName: "conveyor.v1.Drain", reason, grace: msToDuration(graceMs) } }),
    capacityApplied: (seq) =>
      send({ case: "capacityApplied", value: { $typeName: "conveyor.v1.CapacityApplied", seq } }),
    cancel(requests, graceMs) {
      const grace = msToDuration(graceMs);
      const all = requests.map(
        ({ leaseId, reason }): CancelRequest => ({ $typeName: "conveyor.v1.CancelRequest", leaseId, reason, grace }),
      );
      send({ case: "cancelRequests", value: { $typeName: "conveyor.v1.CancelRequests", requests: all } });
    },
    lost: (leaseIds) =>
      send({ case: "leasesLost", value: { $typeName: "conveyor.v1.LeasesLost", leaseIds: [...leaseIds] } }),
    ping() {
      pings += 1n;
      send({ case: "ping", value: { $typeName: "conveyor.v1.Ping", seq: pings } });
    },
  };
}

/** What a delivery takes in a frame, roughly. */
export function deliveryBytes({ payload, metadata }: Delivery): number {
  return fieldBytes + (payload?.value.length ?? 0) + metadataBytes(metadata);
}

function metadataBytes(metadata: Readonly<Record<string, string>>): number {
  let bytes = 0;
  for (const key in metadata) bytes += key.length + (metadata[key]?.length ?? 0);
  return bytes;
}
