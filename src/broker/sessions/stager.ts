import { ConveyorError, isConveyorError } from "../../core/errors.ts";
import type { LeaseId } from "../../core/names.ts";
import { createBatcher } from "../../runtime/batcher.ts";
import type { Logger } from "../../runtime/logger.ts";
import type { StageAnswer, StageItem } from "../../store/stage.ts";
import type { Store } from "../../store/store.ts";
import { payloadBytes } from "../weights.ts";
import { untilAnswered } from "./until-answered.ts";

/** Brings staged children to the store: frames of one lease one after the other, frames of many leases together. */
export interface Stager {
  /**
   * Resolves when the frame is durable or refused; a store that fails is asked again for as long as `signal` lives, undefined: the
   * signal came first. Throws INTERNAL when the store breaks on this very frame.
   */
  stage(item: StageItem, signal: AbortSignal): Promise<StageAnswer | undefined>;
}

const nodesPerCallMax = 1_000;
const bytesPerCallMax = 2 * 1024 * 1024;
const pendingNodesMax = 100_000;
const pendingBytesMax = 128 * 1024 * 1024;

export function createStager(options: { readonly store: Pick<Store, "stage">; readonly logger: Logger }): Stager {
  const { store, logger } = options;
  const batcher = createBatcher<StageItem, StageAnswer | "broken">({
    run,
    itemsMax: nodesPerCallMax,
    bytesMax: bytesPerCallMax,
    pendingMax: pendingNodesMax,
    pendingBytesMax,
    countOf: ({ nodes }) => nodes.length,
    bytesOf: ({ nodes }) => payloadBytes(nodes),
  });
  /** The newest frame of each lease that has one under way. */
  const tails = new Map<LeaseId, Promise<unknown>>();

  /** A store that breaks on one frame must not take the others with it. */
  async function run(items: readonly StageItem[]): Promise<readonly (StageAnswer | "broken")[]> {
    try {
      return await store.stage(items);
    } catch (error) {
      if (isConveyorError(error) && error.code !== "INTERNAL") throw error;
      const [item] = items;
      if (items.length === 1) {
        logger.error("the store broke on staged children", { leaseId: item?.leaseId, error });
        return ["broken"];
      }
      const answers: (StageAnswer | "broken")[] = [];
      for (const each of items) answers.push(...(await run([each])));
      return answers;
    }
  }

  async function inTurn(before: Promise<unknown> | undefined, item: StageItem, signal: AbortSignal) {
    await before;
    const answer = await untilAnswered(() => batcher.add(item), { signal, onBroken: () => undefined });
    if (answer === "broken") throw new ConveyorError("INTERNAL", "the broker could not stage these children");
    return answer;
  }

  return {
    stage(item, signal) {
      const { leaseId } = item;
      const work = inTurn(tails.get(leaseId), item, signal);
      const tail = work
        .catch(() => undefined)
        .finally(() => {
          if (tails.get(leaseId) === tail) tails.delete(leaseId);
        });
      tails.set(leaseId, tail);
      return work;
    },
  };
}
