import type { Store } from "../../../src/store/store.ts";
import type { FaultProxy } from "../../servers/proxy/fault-proxy.ts";
import type { Engine, OpenedStore } from "../engine.ts";
import type { DoneCut, Fault, FaultyEngine, Verb } from "./fault.ts";

export interface Disturbed {
  readonly engine: Engine;
  /** Between the engine's stores and their server. */
  readonly proxy: FaultProxy;
  /** Kinds of statements that only make a verb possible. */
  readonly preparing: readonly string[];
  readonly flush: () => Promise<void>;
}

const notVerbs: readonly PropertyKey[] = ["description", "announce", "listen", "dump", "close"];

/** The engine, with every verb of its stores watched, so that a cut hits the one it is meant for. */
export function faultyEngine({ engine, proxy, preparing, flush }: Disturbed): Omit<FaultyEngine, "close"> {
  const seen = new Map<string, number>();
  let armed: Extract<Fault, { kind: "cut" }> | undefined;
  let done: DoneCut | undefined;

  async function during<T>(verb: Verb, work: () => Promise<T>): Promise<T> {
    seen.set(verb, (seen.get(verb) ?? 0) + 1);
    if (armed !== undefined && (armed.of ?? verb) === verb) proxy.arm({ moment: armed.moment });
    try {
      return await work();
    } finally {
      const cut = proxy.disarm();
      if (cut !== undefined) {
        armed = undefined;
        done = { verb, moment: cut.moment, isWhole: !preparing.includes(cut.kind) };
      }
    }
  }

  function watched(opened: OpenedStore): OpenedStore {
    const store = new Proxy(opened.store, {
      get(target, name) {
        const member: unknown = Reflect.get(target, name);
        if (typeof member !== "function" || notVerbs.includes(name)) return member;
        const verb = name as Verb; // what is left of a store's members
        return (...args: unknown[]) => during(verb, async () => Reflect.apply(member, target, args));
      },
    });
    return { ...opened, store: store satisfies Store };
  }

  return {
    engine: { ...engine, open: async (options) => watched(await engine.open(options)) },
    seen,
    async arm(fault) {
      if (fault.kind === "flush") await flush();
      else armed = fault;
    },
    fired() {
      const told = done;
      done = undefined;
      return told;
    },
    disarm() {
      armed = undefined;
      done = undefined;
    },
  };
}
