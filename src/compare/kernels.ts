import { InputError } from '../language/input-error.ts';
import { unknownName } from '../language/nearest.ts';
import { type KernelProfile, profiles } from '../model/kernel/profile.ts';

/** The profiles of these names, or of `all`; with none, every profile that makes text differently from the others. */
export function kernelsToCompare(names: readonly string[] | undefined): readonly KernelProfile[] {
  if (names?.length === 1 && names[0] === 'all') return [...profiles.values()];
  const chosen = names ?? DEFAULT;
  const twice = chosen.find((name, index) => chosen.indexOf(name) !== index);
  if (twice !== undefined) throw new InputError(`the kernel ${twice} is named twice`);
  return chosen.map((name) => {
    const profile = profiles.get(name);
    if (profile === undefined) throw new InputError(unknownName('kernel', name, [...profiles.keys()]));
    return profile;
  });
}

/** In the order of history; 6.14, 6.16 and 6.18.15 make text as their predecessors do. */
const DEFAULT = [
  'per-program-text',
  'prog-pack-first',
  '6.1',
  'module-alloc-huge',
  'vmalloc-text',
  'execmem-proposal',
  'execmem-proposal-tail',
  '6.12',
  '6.13-rc',
  '6.15',
  '6.18',
  'execmem-repaired',
  '7.3',
];
