import { ConveyorError } from "../core/errors.ts";
import { withPort } from "./channel.ts";

/** Brokers of one store: `host` or `host:port` each, in a list or parted by commas. */
export type Addresses = string | readonly string[];

/** Each as `host:port`, in their order and once only; INVALID_OPTION for what is no address, and when there is none. */
export function parseAddresses(addresses: Addresses): readonly [string, ...string[]] {
  const given = typeof addresses === "string" ? [addresses] : addresses;
  const parts = given.flatMap((each) =>
    typeof each === "string" ? each.split(",").map((part) => part.trim()) : [each],
  );
  const [first, ...others] = new Set(parts.map(withPort));
  if (first !== undefined) return [first, ...others];
  const problem = "a broker's address is needed, such as localhost:2668";
  throw new ConveyorError("INVALID_OPTION", problem, { details: { fields: [{ path: "address", problem }] } });
}
