import type { TypedBytes } from "../../core/job.ts";
import type { Lane } from "../effects.ts";

/** A piece of the bytes that go with a call; offsets count from 1. */
interface Piece {
  readonly offset: number;
  readonly length: number;
}

/** What the items of one call share and name by place, from 1: lanes, texts, numbers for new jobs, and bytes end to end. */
export interface Bulk {
  lane(lane: Lane): number;
  name(text: string): number;
  /** The next number for a new job, in the order of asking. */
  slot(): number;
  piece(bytes: TypedBytes["bytes"]): Piece;
  /** Queue, type, queue, type, … */
  readonly lanes: readonly string[];
  readonly names: readonly string[];
  readonly slots: number;
  bytes(): Uint8Array;
}

export function createBulk(): Bulk {
  const lanes: string[] = [];
  const names: string[] = [];
  const placeOfLane = new Map<string, number>();
  const placeOfName = new Map<string, number>();
  const pieces: Uint8Array[] = [];
  let length = 0;
  let slots = 0;
  return {
    lane({ queue, type }) {
      const key = `${queue} ${type}`;
      const known = placeOfLane.get(key);
      if (known !== undefined) return known;
      const place = lanes.push(queue, type) / 2;
      placeOfLane.set(key, place);
      return place;
    },
    name(text) {
      const known = placeOfName.get(text);
      if (known !== undefined) return known;
      const place = names.push(text);
      placeOfName.set(text, place);
      return place;
    },
    slot() {
      slots += 1;
      return slots;
    },
    piece(bytes) {
      pieces.push(bytes);
      length += bytes.byteLength;
      return { offset: length - bytes.byteLength + 1, length: bytes.byteLength };
    },
    lanes,
    names,
    get slots() {
      return slots;
    },
    bytes: () => Buffer.concat(pieces, length),
  };
}
