/** The longest beginning of `text` that takes at most `bytesMax` bytes of UTF-8; never half a character. */
export function cutText(text: string, bytesMax: number): string {
  if (text.length * 3 <= bytesMax) return text;
  const bytes = Buffer.from(text, "utf8");
  if (bytes.byteLength <= bytesMax) return text;
  let end = bytesMax;
  while (end > 0 && isContinuation(bytes[end])) end -= 1;
  return bytes.toString("utf8", 0, end);
}

function isContinuation(byte: number | undefined): boolean {
  return byte !== undefined && (byte & 0xc0) === 0x80;
}
