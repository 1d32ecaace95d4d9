import { randomFillSync } from "node:crypto";
import type { JobId, SessionId } from "../core/names.ts";
import { type Clock, systemClock } from "./clock.ts";

/** Makes ids that no other process makes. */
export interface Ids {
  /** A UUIDv7 (RFC 9562): rises with every call, also within one millisecond and when the clock is set back. */
  uuid(): string;
  jobId(): JobId;
  sessionId(): SessionId;
  /** 128 random bits, 32 hex digits. */
  nonce(): string;
  /** 0 to below 1; spreads waits. */
  random(): number;
}

const poolBytes = 4_096;
/** The counter takes the 12 bits of `rand_a` and the upper 6 of `rand_b` (RFC 9562, section 6.2, method 1). */
const counterMax = 2 ** 18;

/** Ids from this clock and the system's randomness, drawn a page at a time because a draw costs more than an id. */
export function createIds(clock: Pick<Clock, "now"> = systemClock): Ids {
  const random = randomHex();
  let ms = 0;
  let counter = 0;

  function uuid(): string {
    const now = clock.now();
    if (now > ms) {
      ms = now;
      counter = Number.parseInt(random(2), 16) & 0x3ff;
    } else {
      counter += 1;
      if (counter === counterMax) {
        ms += 1;
        counter = 0;
      }
    }
    const time = Math.floor(ms).toString(16).padStart(12, "0");
    const high = (counter >>> 6).toString(16).padStart(3, "0");
    const low = (0x80 | (counter & 0x3f)).toString(16);
    const rest = random(7);
    return `${time.slice(0, 8)}-${time.slice(8)}-7${high}-${low}${rest.slice(0, 2)}-${rest.slice(2)}`;
  }

  return {
    uuid,
    jobId: () => uuid() as JobId,
    sessionId: () => uuid() as SessionId,
    nonce: () => random(16),
    random: () => Number.parseInt(random(6), 16) / 2 ** 48,
  };
}

function randomHex(): (bytes: number) => string {
  const pool = Buffer.allocUnsafe(poolBytes);
  let used = poolBytes;
  return (bytes) => {
    if (used + bytes > poolBytes) {
      randomFillSync(pool);
      used = 0;
    }
    used += bytes;
    return pool.toString("hex", used - bytes, used);
  };
}
