/** A path that makes a ResizeImage of this index about 100 bytes long. */
export function childPath(index: number): string {
  return `/albums/wide/${String(index).padStart(82, "0")}`;
}
