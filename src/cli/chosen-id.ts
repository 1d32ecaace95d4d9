import { ConveyorError } from "../core/errors.ts";
import { bulkFlags } from "./bulk.ts";
import type { Arguments } from "./command.ts";
import { jobFilterFlags } from "./job-filter.ts";

/** The one job that a command is about; undefined when it is about all that match its filter. Throws INVALID_OPTION for both, and for neither. */
export function chosenId(args: Arguments): string | undefined {
  const [id] = args.positionals;
  const given = (flags: object) => Object.keys(flags).filter((name) => args.has(name));
  const filters = given(jobFilterFlags);
  const extra = [...filters, ...given(bulkFlags)];
  if (id !== undefined && extra.length > 0) {
    throw new ConveyorError("INVALID_OPTION", `an id is given, and --${extra[0]}; give either an id or a filter`);
  }
  if (id === undefined && filters.every((name) => name === "all")) {
    throw new ConveyorError("INVALID_OPTION", "give the id of a job, or a filter such as --queue or --state");
  }
  return id;
}
