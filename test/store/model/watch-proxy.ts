import type { FaultProxy } from "../../servers/proxy/fault-proxy.ts";
import type { FaultyEngine } from "./fault.ts";

/** What is the same for every engine behind a proxy. `preparing`: kinds of statements that only make a command possible. */
export function watch(
  proxy: FaultProxy,
  kinds: { readonly reads: readonly string[]; readonly preparing: readonly string[] },
): Pick<FaultyEngine, "reads" | "during" | "disarm" | "seen"> {
  const seen = new Map<string, number>();
  return {
    seen,
    reads: kinds.reads,
    async during(work) {
      proxy.count(seen);
      const result = await work();
      proxy.count(undefined);
      const cut = proxy.fired();
      const isCommand = cut !== undefined && ![...kinds.preparing, ...kinds.reads].includes(cut.kind);
      return { result, cut: cut && { ...cut, isCommand } };
    },
    disarm() {
      proxy.disarm();
    },
  };
}
