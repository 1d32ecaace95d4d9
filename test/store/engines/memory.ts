import { createMemoryData } from "../../../src/store/memory/data.ts";
import { openMemoryStore } from "../../../src/store/memory/store.ts";
import type { Engine } from "../engine.ts";
import { openHandle } from "./handles.ts";

/** The pure model. Its data outlive a broker that crashes, as a database's would, but not this process. */
export const memoryEngine: Engine = {
  name: "memory",
  lacks: {},
  async open(options) {
    const data = createMemoryData();
    return openHandle({
      connect: () => openMemoryStore({ ...options, data }),
      removeJob: async (id) => data.tables.removeJob(id),
      remove: async () => undefined,
    });
  },
};
