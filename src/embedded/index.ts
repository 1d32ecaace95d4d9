export type { ServerDefaults } from "../core/job.ts";
export type { Store, StoreDescription } from "../store/store.ts";
export { type OpenStoreOptions, openStore } from "./open-store.ts";
