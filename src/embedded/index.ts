export type { Retention, ServerDefaults } from "../core/job.ts";
export type { Store, StoreDescription } from "../store/store.ts";
export { type Embedded, type EmbeddedOptions, type EmbeddedWorkerOptions, embedded } from "./embedded.ts";
export { type OpenStoreOptions, openStore } from "./open-store.ts";
