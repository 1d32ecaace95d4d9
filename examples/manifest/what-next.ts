/** What to try while the broker stays up. */
export function whatNext({
  address,
  id,
  path,
}: {
  readonly address: string;
  readonly id: string;
  readonly path: string;
}): string {
  const conveyor = "node tools/bootstrap.mjs src/cli/main.ts";
  const at = address.endsWith(":2668") ? "" : ` --address ${address}`;
  const spec = `{"job":{"payload":{"@type":"type.googleapis.com/manifest.v1.HashFile","root":"${"$PWD"}","path":"package.json"}}}`;
  const quoted = spec.replaceAll('"', '\\"').replace("\\$PWD", "$PWD");
  return `
The broker stays up. Try, in another terminal:
  sha256sum -c --quiet ${path}
  ${conveyor} chain show ${id} --depth 2${at}
  ${conveyor} enqueue manifest.v1.HashFile -f root="$PWD" -f path=package.json --wait${at}
  ${conveyor} queue show files${at}
  node_modules/.bin/buf curl --protocol grpc --http2-prior-knowledge --data "${quoted}" http://${address}/conveyor.v1.JobService/Enqueue
  grpcurl -plaintext -d "${quoted}" ${address} conveyor.v1.JobService/Enqueue

Ctrl-C ends broker and worker.`;
}
