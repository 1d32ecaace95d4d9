export { type Broker, type BrokerOptions, createBroker } from "./broker.ts";
export type { AccessRequest, Authenticate, Authorize } from "./gate.ts";
export { type BrokerIntervals, defaultIntervals } from "./options.ts";
