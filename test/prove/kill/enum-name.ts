/** The name of a protobuf enum's value, without its prefix; the number of one that is not known. */
export function enumName(values: Readonly<Record<string, number>>, value: number): string {
  return Object.keys(values).find((name) => values[name] === value) ?? String(value);
}
