/** What can be wrong; each must be 0. */
export const findingKinds = [
  "lost",
  "unexpected",
  "second outcome",
  "stuck",
  "heir released twice",
  "unmatched start",
  "invariant",
] as const;
type FindingKind = (typeof findingKinds)[number];

/** Something that the evidence shows and the guarantees exclude. */
export interface Finding {
  readonly kind: FindingKind;
  /** The job's id, or the producer's key. */
  readonly job: string;
  readonly text: string;
}
