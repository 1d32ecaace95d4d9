import { once } from "node:events";
import net from "node:net";

export interface Link extends AsyncDisposable {
  readonly address: string;
  /** Resets every connection, as the death of the other machine's process does. */
  cut(): void;
  /** Half-open: connections of now stay, and nothing passes in them any more, either way. */
  stall(): void;
  /** Connections of now are reset after so many more bytes for the client: in the middle of a frame. */
  tear(bytes: number): void;
  /** All that comes from now on, either way, takes so long. */
  delay(ms: number): void;
  /** Connections that are open. */
  readonly connections: number;
}

/** A TCP relay to `target` on a port of its own. */
export async function openLink(target: string): Promise<Link> {
  const lines = new Set<Line>();
  const [host, port] = target.split(":");
  let delayMs = 0;
  const relay = net.createServer((near) => {
    const far = net.connect(Number(port), host ?? "127.0.0.1");
    const line: Line = { near, far, stalled: false, leftBytes: Number.POSITIVE_INFINITY };
    lines.add(line);
    for (const [from, to] of [
      [near, far],
      [far, near],
    ] as const) {
      from.on("error", () => undefined);
      let passAt = 0;
      from.on("data", (bytes: Buffer) => {
        passAt = Math.max(passAt, performance.now() + delayMs); // nothing overtakes what came before it
        const waitMs = Math.ceil(passAt - performance.now());
        if (waitMs <= 0) pass(line, to, bytes);
        else setTimeout(() => pass(line, to, bytes), waitMs);
      });
      from.on("close", () => {
        lines.delete(line);
        if (!line.stalled) end(line);
      });
    }
  });
  relay.listen(0, "127.0.0.1");
  await once(relay, "listening");
  const bound = relay.address() as net.AddressInfo;
  const each = (change: (line: Line) => void) => {
    for (const line of lines) change(line);
  };
  return {
    address: `127.0.0.1:${bound.port}`,
    cut: () => each(reset),
    stall: () =>
      each((line) => {
        line.stalled = true;
      }),
    tear: (bytes) =>
      each((line) => {
        line.leftBytes = bytes;
      }),
    delay(ms) {
      delayMs = ms;
    },
    get connections() {
      return lines.size;
    },
    async [Symbol.asyncDispose]() {
      relay.close();
      each(reset);
    },
  };
}

interface Line {
  readonly near: net.Socket;
  readonly far: net.Socket;
  stalled: boolean;
  /** Bytes that still go to the client before the line is reset. */
  leftBytes: number;
}

function pass(line: Line, to: net.Socket, bytes: Buffer): void {
  if (line.stalled || to.destroyed) return;
  if (to === line.near && bytes.length > line.leftBytes) {
    to.write(bytes.subarray(0, line.leftBytes), () => reset(line));
    return;
  }
  if (to === line.near) line.leftBytes -= bytes.length;
  to.write(bytes);
}

function reset({ near, far }: Line): void {
  near.resetAndDestroy();
  far.resetAndDestroy();
}

function end({ near, far }: Line): void {
  near.destroy();
  far.destroy();
}
