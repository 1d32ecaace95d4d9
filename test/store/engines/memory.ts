import { createMemoryData } from "../../../src/store/memory/data.ts";
import { openMemoryStore } from "../../../src/store/memory/store.ts";
import type { Engine, OpenedStore } from "../engine.ts";

const endsWithItsProcess = "the memory store ends with its process: there is nothing that a crash could leave";

/** The pure model. */
export const memoryEngine: Engine = {
  name: "memory",
  lacks: {
    crash: endsWithItsProcess,
    cuts: endsWithItsProcess,
    mark: endsWithItsProcess,
    removeJob: "the memory store's rows can be reached by nobody but the store itself",
  },
  async open(options) {
    const data = createMemoryData();
    const openHandle = async (): Promise<OpenedStore> => {
      const store = await openMemoryStore({ ...options, data });
      return { store, second: openHandle, discard: () => store.close() };
    };
    return openHandle();
  },
};
