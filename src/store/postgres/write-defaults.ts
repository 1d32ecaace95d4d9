import type { ServerDefaults } from "../../core/job.ts";

/** The server's defaults, and as the functions take them. */
export interface WriteDefaults {
  readonly server: ServerDefaults;
  readonly encoded: string;
}
