import type { Store } from "../../../src/store/store.ts";
import type { EngineHooks, OpenedStore } from "../engine.ts";

export interface Data extends Pick<EngineHooks, "removeJob"> {
  /** Opens a store on these data, as one more broker would. */
  readonly connect: () => Promise<Store>;
  /** Removes the data. */
  readonly remove: () => Promise<void>;
}

/** A store on data that several can use at a time; the data are removed when the last of them is discarded. */
export async function openHandle(data: Data): Promise<OpenedStore> {
  let open = 0;
  const next = async (): Promise<OpenedStore> => {
    const store = await data.connect();
    open += 1;
    let discarded = false;
    return {
      store,
      crash: next,
      second: next,
      removeJob: data.removeJob,
      async discard() {
        if (discarded) return;
        discarded = true;
        await store.close();
        open -= 1;
        if (open === 0) await data.remove();
      },
    };
  };
  return next();
}
