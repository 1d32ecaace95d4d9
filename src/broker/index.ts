export { type Broker, type BrokerOptions, createBroker } from "./broker.ts";
export { authenticationBy } from "./edge/authentication.ts";
export { checkServerTls, type ServerTls } from "./edge/server-tls.ts";
export { parseTokens, type Tokens } from "./edge/tokens.ts";
export type { AccessRequest, Authenticate, Authorize } from "./gate.ts";
export { type BrokerIntervals, defaultIntervals } from "./options.ts";
