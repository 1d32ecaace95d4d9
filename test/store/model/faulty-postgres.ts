import { postgresUrl } from "../../servers/addresses.ts";
import { startFaultProxy } from "../../servers/proxy/fault-proxy.ts";
import { postgresWire } from "../../servers/proxy/postgres-wire.ts";
import { postgresEngine } from "../engines/postgres.ts";
import type { Fault, FaultyEngine } from "./fault.ts";

/** PostgreSQL behind a proxy that cuts connections. */
export async function faultyPostgres(): Promise<FaultyEngine> {
  const proxy = await startFaultProxy(await postgresUrl(), postgresWire);
  return {
    seen: proxy.seen,
    engine: postgresEngine({ url: async () => proxy.url }),
    arm: async (fault: Fault) => {
      if (fault.kind === "cut") proxy.arm(fault);
    },
    disarm: () => {
      const cut = proxy.disarm();
      return cut === undefined ? undefined : { ...cut, isCommand: true };
    },
    close: () => proxy.close(),
  };
}
