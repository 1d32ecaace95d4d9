import path from "node:path";
import type { Row } from "./scene.ts";

export const sqliteRows: readonly Row[] = ["full", "normal", "off"].map((synchronous) => ({
  name: `SQLite, synchronous=${synchronous}: the broker is killed`,
  expects: "nothing",
  async open(folder) {
    const url = `sqlite:${path.join(folder, `${synchronous}.db`)}?synchronous=${synchronous}`;
    return {
      url,
      strike: (writer) => writer.kill(),
      recover: async () => url,
      async [Symbol.asyncDispose]() {},
    };
  },
}));
