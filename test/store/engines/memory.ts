import { openMemoryStore } from "../../../src/store/memory/store.ts";
import type { Engine } from "../engine.ts";

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
    const store = await openMemoryStore(options);
    return { store, discard: () => store.close() };
  },
};
