/** One real historical (or plausible) bug, planted by replacing one decision of a fresh world. */
export interface Fault<World = unknown> {
  readonly name: string;
  readonly story: string;
  /** The law that catches it. */
  readonly breaks: string;
  /** Other laws that may catch it first. */
  readonly alsoBreaks?: readonly string[];
  /** The kernel profile it belongs to. */
  readonly kernel: string;
  /** The suite whose default budget finds it. */
  readonly suite: string;
  /** The commit, or the mail's subject and date. */
  readonly source: string;
  plant(world: World): void;
}

export function fault<World>(description: Fault<World>): Fault<World> {
  return description;
}
