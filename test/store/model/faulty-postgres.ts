import { postgresUrl } from "../../servers/addresses.ts";
import { startFaultProxy } from "../../servers/proxy/fault-proxy.ts";
import { postgresWire } from "../../servers/proxy/postgres-wire.ts";
import { postgresEngine } from "../engines/postgres.ts";
import type { Fault, FaultyEngine } from "./fault.ts";
import { watch } from "./watch-proxy.ts";

const reads: readonly string[] = ["select job"];

/** PostgreSQL behind a proxy that cuts connections. */
export async function faultyPostgres(): Promise<FaultyEngine> {
  const proxy = await startFaultProxy(await postgresUrl(), postgresWire);
  const watched = watch(proxy, { reads, preparing: [] });
  return {
    ...watched,
    engine: postgresEngine({ url: async () => proxy.url }),
    arm: async (fault: Fault) => {
      if (fault.kind === "cut") proxy.arm(fault);
    },
    close: () => proxy.close(),
  };
}
