import type { Stage, StageAck } from "../../../gen/conveyor/v1/worker_service_pb.ts";
import { ConveyorError, isConveyorError } from "../../core/errors.ts";
import type { LeaseId, TypeName } from "../../core/names.ts";
import type { StageItem } from "../../store/stage.ts";
import type { Store } from "../../store/store.ts";
import type { SpecSource } from "../../wire/spec-to-job.ts";
import { type StagePlace, stageAck, stagedNodes, stagedTotal, stagePlace, stageRefusal } from "../../wire/stage.ts";
import type { Gate } from "../gate.ts";
import { admitNodes } from "./admit-nodes.ts";
import type { HeldLeases } from "./held-leases.ts";
import type { ResultRoom } from "./result-room.ts";
import type { Stager } from "./stager.ts";
import { untilAnswered } from "./until-answered.ts";

/** Takes Stage frames in and acknowledges each when it is durable. */
export interface StageDesk {
  /** Throws FRAME_INVALID or INVALID_NAME for a frame that belongs nowhere; whatever else is wrong with it its acknowledgement says. */
  take(stage: Stage): void;
  /** Resolves when all that was taken for this lease is answered; undefined: nothing is under way. */
  settled(leaseId: LeaseId): Promise<unknown> | undefined;
}

/** What staging takes of a broker. */
export interface StagingContext {
  readonly store: Pick<Store, "leasePrincipal">;
  readonly stager: Stager;
  readonly gate: Gate;
  sourceFor(principal: string): SpecSource;
}

/** What a child takes beside its payload, roughly. */
const childBytes = 1_024;

export function createStageDesk(options: {
  readonly principal: string;
  readonly leases: HeldLeases;
  readonly context: StagingContext & { readonly room: ResultRoom };
  readonly onAck: (ack: StageAck) => void;
  readonly signal: AbortSignal;
}): StageDesk {
  const { principal, leases, context, signal } = options;
  const { room } = context;
  const underWay = new Map<LeaseId, Promise<void>>();

  function take(stage: Stage): void {
    const path = "stage";
    const place = stagePlace(stage, path);
    const bytes = stage.children.length * childBytes + wireBytes(stage);
    room.take(bytes);
    const lease = leases.get(place.leaseId);
    const work = stageChildren(stage, { place, path, principal, context, signal, jobType: lease?.type })
      .then(
        (staged) => staged !== undefined && answer(stageAck(place, staged)),
        (error: unknown) => answer(stageRefusal(place, asKnown(error))),
      )
      .then(() => {
        room.free(bytes);
        if (underWay.get(place.leaseId) === work) underWay.delete(place.leaseId);
      });
    underWay.set(place.leaseId, work);
  }

  function answer(ack: StageAck): void {
    if (!signal.aborted) options.onAck(ack);
  }

  return { take, settled: (leaseId) => underWay.get(leaseId) };
}

/**
 * Stages the children of one frame and answers how many are staged under the lease by then; undefined: the signal came first.
 * Throws why they were refused. `jobType`: of a lease in the caller's hands; of any other the store says whose it is.
 */
export async function stageChildren(
  stage: Stage,
  options: {
    readonly place: StagePlace;
    readonly path: string;
    readonly principal: string;
    readonly context: StagingContext;
    readonly signal: AbortSignal;
    readonly jobType: TypeName | undefined;
  },
): Promise<number | undefined> {
  const { place, path, principal, context, signal, jobType } = options;
  const nodes = stagedNodes(stage, jobType, { ...context.sourceFor(principal), path });
  admitNodes(context.gate, principal, nodes);
  if (jobType === undefined) {
    const own = await isOwn(place.leaseId, options);
    if (own === undefined) return undefined;
    if (!own) return stagedTotal(place, { kind: "lost" });
  }
  const item: StageItem = { ...place, nodes };
  const answer = await context.stager.stage(item, signal);
  return answer && stagedTotal(place, answer);
}

/** A lease of another principal is worth nothing; of one without an owner the store says what it is. Undefined: the signal came first. */
async function isOwn(
  leaseId: LeaseId,
  options: { readonly context: StagingContext; readonly principal: string; readonly signal: AbortSignal },
): Promise<boolean | undefined> {
  const { context, principal, signal } = options;
  const ask = async () => ({ owner: await context.store.leasePrincipal(leaseId) });
  const answer = await untilAnswered(ask, { signal, onBroken: () => undefined });
  return answer && (answer.owner === undefined || answer.owner === principal);
}

function wireBytes({ children }: Stage): number {
  return children.reduce(
    (sum, { job }) => sum + (job?.content.case === "payload" ? job.content.value.value.length : 0),
    0,
  );
}

function asKnown(error: unknown): ConveyorError {
  return isConveyorError(error) ? error : new ConveyorError("INTERNAL", "the broker could not stage these children");
}
