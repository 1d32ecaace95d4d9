/** What a client asks for in one go and gets one reply to. */
export interface WireRequest {
  /** Of a statement that does the store's work: what kind. Undefined: what belongs to opening a connection. */
  readonly kind: string | undefined;
  readonly bytes: Buffer;
  /** False: none comes. */
  readonly hasReply: boolean;
}

/** Cuts one direction of one connection into whole pieces; what is not whole yet is kept for the next push. */
export interface WireReader<Piece> {
  push(bytes: Buffer): readonly Piece[];
}

/** A protocol as the proxy needs to know it: one pair of readers per connection. */
export interface Wire {
  readonly requests: () => WireReader<WireRequest>;
  /** Whole replies, one for each request that has one, in their order. */
  readonly replies: () => WireReader<Buffer>;
  /** Whether the reply says that nothing was done, and that the same will be asked in another way. */
  readonly isDeferred: (reply: Buffer) => boolean;
}

/** A reader for pieces whose end `endOf` finds: the offset behind the piece that starts at 0, or undefined where it is not whole. */
export function readPieces<Piece>(
  endOf: (held: Buffer) => number | undefined,
  make: (bytes: Buffer) => Piece,
): WireReader<Piece> {
  let held: Buffer = Buffer.alloc(0);
  return {
    push(bytes) {
      held = held.length === 0 ? bytes : Buffer.concat([held, bytes]);
      const pieces: Piece[] = [];
      for (let end = endOf(held); end !== undefined && held.length > 0; end = endOf(held)) {
        pieces.push(make(held.subarray(0, end)));
        held = held.subarray(end);
      }
      return pieces;
    },
  };
}
