import type { QueueName, TypeName } from "../../core/names.ts";
import type { Lane } from "../effects.ts";

/** The lanes that one call of a script speaks of, each named once. */
export class LaneTable {
  readonly #indexes = new Map<string, number>();

  /** The place of a lane in `names`, from 1 as in Lua. */
  indexOf(queue: QueueName, type: TypeName): number {
    const name = `${queue} ${type}`;
    const known = this.#indexes.get(name);
    if (known !== undefined) return known;
    const index = this.#indexes.size + 1;
    this.#indexes.set(name, index);
    return index;
  }

  get names(): readonly string[] {
    return [...this.#indexes.keys()];
  }
}

/** Takes the name of a lane apart. Names in the store were checked before they were stored. */
export function laneOf(name: string): Lane {
  const end = name.indexOf(" ");
  return { queue: name.slice(0, end) as QueueName, type: name.slice(end + 1) as TypeName };
}
