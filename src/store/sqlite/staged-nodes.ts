import type { NewNode } from "../../core/job.ts";

/** What many nodes of one frame share: all of a node but its id, key and payload. */
type Shape = Omit<NewNode["edge"], "key"> & Omit<NewNode["job"], "id" | "payload"> & { readonly type: string };

/** Index of the shape, id, key, length of the payload. */
type Row = readonly [shape: number, id: string, key: string, length: number];

interface Head {
  readonly shapes: readonly Shape[];
  readonly rows: readonly Row[];
}

/** Nodes as one blob: the length of a JSON head (4 bytes, big-endian), the head, then all payloads one after the other. */
export function encodeNodes(nodes: readonly NewNode[]): Uint8Array {
  const shapes = new Map<string, { readonly index: number; readonly shape: Shape }>();
  const rows = nodes.map(({ edge, job }): Row => {
    const { key, ...edgeRest } = edge;
    const { id, payload, ...jobRest } = job;
    const shape: Shape = { ...edgeRest, ...jobRest, type: payload.type };
    const text = JSON.stringify(shape);
    const known = shapes.get(text) ?? { index: shapes.size, shape };
    if (known.shape === shape) shapes.set(text, known);
    return [known.index, id, key, payload.bytes.byteLength];
  });
  const head: Head = { shapes: [...shapes.values()].map(({ shape }) => shape), rows };
  const text = Buffer.from(JSON.stringify(head));
  const length = Buffer.alloc(4);
  length.writeUInt32BE(text.byteLength);
  return Buffer.concat([length, text, ...nodes.map(({ job }) => job.payload.bytes)]);
}

/** The nodes of a blob that encodeNodes made, from the one at `from` on. */
export function decodeNodes(blob: Uint8Array, from: number): readonly NewNode[] {
  const bytes = Buffer.from(blob.buffer, blob.byteOffset, blob.byteLength);
  const headEnd = 4 + bytes.readUInt32BE(0);
  // Written by encodeNodes alone.
  const { shapes, rows } = JSON.parse(bytes.toString("utf8", 4, headEnd)) as Head;
  let end = headEnd;
  return rows
    .map((row) => {
      end += row[3];
      return { row, bytes: bytes.subarray(end - row[3], end) };
    })
    .slice(from)
    .map(({ row, bytes: payload }) => nodeOf(shapes, row, payload));
}

function nodeOf(shapes: readonly Shape[], [index, id, key]: Row, bytes: Uint8Array): NewNode {
  const shape = shapes[index];
  if (shape === undefined) throw new Error("a staged node has no shape");
  const { role, policy, trigger, asResult, type, ...job } = shape;
  return {
    edge: { role, key, policy, trigger, asResult },
    // Ids and types were checked before they were staged.
    job: {
      ...job,
      id: id as NewNode["job"]["id"],
      payload: { type: type as NewNode["job"]["payload"]["type"], bytes },
    },
  };
}
