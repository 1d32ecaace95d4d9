import type { Server } from "@grpc/grpc-js";
import { HealthImplementation } from "grpc-health-check";

/** `grpc.health.v1.Health` for the broker as a whole ("") and each of its services. */
export interface Health {
  addTo(server: Pick<Server, "addService">): void;
  serving(yes: boolean): void;
}

export function createHealth(services: readonly string[]): Health {
  const names = ["", ...services];
  const implementation = new HealthImplementation(
    Object.fromEntries(names.map((name) => [name, "NOT_SERVING" as const])),
  );
  return {
    addTo: (server) => implementation.addToServer(server),
    serving(yes) {
      for (const name of names) implementation.setStatus(name, yes ? "SERVING" : "NOT_SERVING");
    },
  };
}
