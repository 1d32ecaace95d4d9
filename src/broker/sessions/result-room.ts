/** Room for the results that wait for the store, shared by all sessions of a broker. */
export interface ResultRoom {
  /** Whoever has brought results reads no more for now; each may exceed the bound by the frame in its hands. */
  readonly full: boolean;
  take(bytes: number): void;
  /** Tells all who wait when that makes room again. */
  free(bytes: number): void;
  /** Calls `onRoom` once, when there is room again. */
  wait(onRoom: () => void): void;
  /** Waits no more. */
  leave(onRoom: () => void): void;
}

const bytesMax = 64 * 1024 * 1024;

export function createResultRoom(): ResultRoom {
  const waiting = new Set<() => void>();
  let bytes = 0;
  return {
    get full() {
      return bytes > bytesMax;
    },
    take(taken) {
      bytes += taken;
    },
    free(freed) {
      bytes -= freed;
      if (bytes > bytesMax) return;
      const told = [...waiting];
      waiting.clear();
      for (const onRoom of told) onRoom();
    },
    wait: (onRoom) => void waiting.add(onRoom),
    leave: (onRoom) => void waiting.delete(onRoom),
  };
}
