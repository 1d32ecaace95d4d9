/** A value of plain objects, texts and numbers as it is written in TypeScript: `{ queue: "images", maxAttempts: 3 }`. */
export function literal(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const parts = Object.entries(value).map(([key, part]) => `${key}: ${literal(part)}`);
  return parts.length === 0 ? "{}" : `{ ${parts.join(", ")} }`;
}
