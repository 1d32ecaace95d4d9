/** One direction of a call within a process: messages wait in it until the other side asks for them. */
export interface Half {
  /** `done` is called once there is room for another message; not after `end`. */
  send(message: Buffer, done: () => void): void;
  /** The other side takes one more message. */
  demand(): void;
  /** All that waits goes out, asked for or not, and then `last` is called. What is sent after it goes nowhere. */
  end(last: () => void): void;
}

/** What may wait to be asked for before the sender feels it. */
const windowBytes = 1024 * 1024;

/**
 * Hands messages to `deliver` in their order, in a later turn of the event loop: a call must not answer before it was made, and
 * what is sent in one turn arrives together, as over a connection.
 */
export function createHalf(deliver: (message: Buffer) => void): Half {
  const queue: Buffer[] = [];
  let bytes = 0;
  let demanded = 0;
  let blocked: (() => void) | undefined;
  let ending: (() => void) | undefined;
  let scheduled = false;

  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    setImmediate(flush);
  }

  function flush(): void {
    scheduled = false;
    while (demanded > 0 || ending !== undefined) {
      const message = queue.shift();
      if (message === undefined) break;
      demanded -= 1;
      bytes -= message.length;
      unblock();
      deliver(message);
    }
    if (ending === undefined) return;
    const last = ending;
    ending = () => undefined;
    last();
  }

  function unblock(): void {
    if (bytes >= windowBytes || ending !== undefined) return;
    const done = blocked;
    blocked = undefined;
    done?.();
  }

  return {
    send(message, done) {
      if (ending !== undefined) return;
      queue.push(message);
      bytes += message.length;
      blocked = done;
      unblock();
      schedule();
    },
    demand() {
      demanded += 1;
      if (queue.length > 0) schedule();
    },
    end(last) {
      if (ending !== undefined) return;
      ending = last;
      schedule();
    },
  };
}
