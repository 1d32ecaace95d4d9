import type { EngineNeed } from "../engine.ts";
import type { World } from "./world.ts";

/** One behaviour that every store has; the name ends with the numbers of the conformance items it covers. */
export interface Case {
  readonly name: string;
  /** Hooks of the engine without which it cannot run; the engine says why it has none. */
  readonly needs?: readonly EngineNeed[];
  /** Why what it leaves behind may break invariants; such a case checks none at its end. */
  readonly breaksInvariants?: string;
  readonly run: (world: World) => Promise<void>;
}
