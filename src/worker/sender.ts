import type { BrokerStream } from "./broker-stream.ts";
import type { Cargo } from "./cargo.ts";

/** Sends the cargo for as long as there is a stream with room. */
export interface Sender {
  /** Something waits: what was made in one turn of the event loop shares its frames. */
  ready(): void;
  /** Sends now. */
  flush(): void;
}

/** What the transport has no room for gathers for the next frame; after the next Welcome all that is not acknowledged is sent. */
export function createSender(options: {
  readonly cargo: Cargo;
  /** Undefined: none that has been welcomed. */
  readonly stream: () => BrokerStream | undefined;
  readonly onSent: () => void;
}): Sender {
  let flushing = false;

  function flush(): void {
    flushing = false;
    const stream = options.stream();
    if (stream === undefined) return;
    while (stream.writable) {
      const frame = options.cargo.next();
      if (frame === undefined) break;
      stream.send(frame);
    }
    if (!stream.writable) {
      flushing = true;
      void stream.drained().then(flush);
    }
    options.onSent();
  }

  return {
    ready() {
      if (flushing) return;
      flushing = true;
      setImmediate(flush);
    },
    flush,
  };
}
