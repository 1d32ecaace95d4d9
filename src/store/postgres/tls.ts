import { readFileSync } from "node:fs";
import type { ConnectionOptions } from "node:tls";
import { ConveyorError } from "../../core/errors.ts";
import type { StoreAddress } from "./store-url.ts";

/**
 * How connections are encrypted: `require` whoever the server is (with `sslrootcert` it is as `verify-ca`, as libpq has it),
 * `verify-ca` when a known authority signed its certificate, `verify-full` when that also names the host. Undefined: not at all.
 * Throws INVALID_OPTION when a file cannot be read.
 */
export function tlsOptions({ ssl }: Pick<StoreAddress, "ssl">): ConnectionOptions | undefined {
  if (ssl.mode === "disable") return undefined;
  const verifies = ssl.mode !== "require" || ssl.rootCertFile !== undefined;
  return {
    ...fileOf("ca", "sslrootcert", ssl.rootCertFile),
    ...fileOf("cert", "sslcert", ssl.certFile),
    ...fileOf("key", "sslkey", ssl.keyFile),
    rejectUnauthorized: verifies,
    ...(verifies && ssl.mode !== "verify-full" ? { checkServerIdentity: () => undefined } : {}),
  };
}

function fileOf(option: "ca" | "cert" | "key", setting: string, file: string | undefined): ConnectionOptions {
  if (file === undefined) return {};
  try {
    return { [option]: readFileSync(file) };
  } catch (error) {
    const problem = `${setting}: the file ${file} cannot be read`;
    throw new ConveyorError("INVALID_OPTION", `store: ${problem}; look at its path and its rights`, {
      cause: error,
      details: { fields: [{ path: "store", problem }] },
    });
  }
}
