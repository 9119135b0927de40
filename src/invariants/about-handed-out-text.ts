import { invariant, type Violated } from '../language/invariant.ts';
import type { World } from '../model/world.ts';
import { dispatcherTable } from './ghosts/dispatcher-table.ts';
import { type Claim, textOwners } from './ghosts/text-owners.ts';

/** A law about each text that a step hands out. It is about the step: a state that stands still hands out none. */
export const aboutHandedOutText = (law: {
  readonly name: string;
  readonly law: string;
  readonly judge: (world: World, claim: Claim, violated: Violated) => void;
}) =>
  invariant<World>({
    name: law.name,
    law: law.law,
    ghosts: [dispatcherTable, textOwners],
    concerns: (world) => textOwners.of(world).claims.length > 0,
    judgeStep(world, _, violated) {
      for (const claim of textOwners.of(world).claims) law.judge(world, claim, violated);
    },
  });
