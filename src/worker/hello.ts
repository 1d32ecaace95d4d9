import type { Hello, Subscription, HeldLease as WireHeldLease } from "../../gen/conveyor/v1/worker_service_pb.ts";
import { msToDuration } from "../wire/time.ts";
import type { ClientFrame } from "./broker-stream.ts";
import type { HeldLease } from "./held-lease.ts";

/** What a worker says of itself on every stream. */
export interface WorkerIdentity {
  readonly name: string;
  readonly instanceId: string;
  readonly concurrency: number;
  readonly subscriptions: readonly Subscription[];
  /** Payload bytes in its hands. */
  readonly windowBytesMax: bigint;
}

/** The first frame of a stream; resumes the session, if there is one, with all that is in hand. From now on the broker knows what is buffered. */
export function helloOf(
  identity: WorkerIdentity,
  state: {
    readonly sessionId: string;
    readonly held: ReadonlyMap<string, HeldLease>;
    readonly window: number;
    /** On the clock's monotonic scale. */
    readonly now: number;
  },
): Hello {
  const hello: Hello = {
    $typeName: "conveyor.v1.Hello",
    protocolVersion: 1,
    capabilities: [],
    worker: identity.name,
    instanceId: identity.instanceId,
    concurrency: identity.concurrency,
    subscriptions: [...identity.subscriptions],
    capacity: {
      $typeName: "conveyor.v1.Capacity",
      seq: 1n,
      maxInFlight: state.window,
      maxBytes: identity.windowBytesMax,
    },
    schemaIds: {},
  };
  if (state.sessionId === "") return hello;
  const held = [...state.held.values()].map((lease) => wireLease(lease, state.now));
  hello.resume = { $typeName: "conveyor.v1.Resume", sessionId: state.sessionId, held };
  return hello;
}

/** What is in hand, for the broker to compare; from now on it knows what is buffered. */
export function heartbeatFrame(state: {
  readonly seq: bigint;
  readonly receivedThrough: bigint;
  readonly held: ReadonlyMap<string, HeldLease>;
}): ClientFrame {
  const buffered: string[] = [];
  for (const lease of state.held.values()) {
    if (lease.phase !== "buffered") continue;
    lease.named = true;
    buffered.push(lease.id);
  }
  return {
    case: "heartbeat",
    value: {
      $typeName: "conveyor.v1.Heartbeat",
      seq: state.seq,
      receivedThrough: state.receivedThrough,
      heldLeaseIds: [...state.held.keys()],
      bufferedLeaseIds: buffered,
    },
  };
}

function wireLease(lease: HeldLease, now: number): WireHeldLease {
  const buffered = lease.phase === "buffered";
  if (buffered) lease.named = true;
  const wire: WireHeldLease = { $typeName: "conveyor.v1.HeldLease", leaseId: lease.id, buffered };
  if (lease.phase === "running" && lease.running) wire.elapsed = msToDuration(now - lease.running.startedAt);
  return wire;
}
