import { type KernelBug, kernelBug } from '../language/kernel-bug.ts';
import type { CoreWorld } from '../model/bpf/core-relocation/world/core-world.ts';
import { objectAfter } from './core-relocation/step.ts';

const ALL = ['6.18', 'core-record-proposed', 'core-record-first-posted', 'core-after-6.18'];
const BEFORE_THE_FIXES = ALL.slice(0, 3);

/** Laws about what the answers are and whether there are any. */
const ANSWERS = [
  'patched-instructions-say-what-the-kernel-has',
  'only-bad-records-refuse',
  'unanswerable-records-refuse',
  'early-and-late-give-one-program',
];

const floatsCrash = kernelBug<CoreWorld>({
  name: 'float-match-crash',
  story:
    'A type question about a float that the kernel has reaches a warning that takes a constant string for the log: the kernel writes to it and dies with the candidate cache locked.',
  kernels: ALL,
  laws: ['relocation-survives-every-record'],
  recognises(_, happened) {
    const object = objectAfter(happened, 'loaded')?.object;
    return object?.loading === 'light-skeleton' && object.unit.types.some(({ kind }) => kind === 'float');
  },
});

const kindBlindCache = kernelBug<CoreWorld>({
  name: 'kind-blind-candidate-cache',
  story:
    'The kernel remembers candidates by name alone: what a union of that name found answers a later question about a struct.',
  kernels: ALL,
  laws: ANSWERS,
  recognises: ({ objects }, happened) => {
    if (objectAfter(happened, 'loaded')?.object.loading !== 'light-skeleton') return false;
    const late = objects.items.filter(({ loading, state }) => loading === 'light-skeleton' && state.kind === 'loaded');
    const asked = late.flatMap(({ unit }) => unit.types);
    return asked.some(({ name, kind }) => asked.some((other) => other.name === name && other.kind !== kind));
  },
});

const recordsIgnored = kernelBug<CoreWorld>({
  name: 'records-ignored-without-debug-info',
  story: 'A load that passes neither func_info nor line_info goes through with its records unread, and so unrelocated.',
  kernels: BEFORE_THE_FIXES,
  laws: ANSWERS,
  fix: 'c26e97721b17 "bpf: Apply CO-RE relocations before subprogram validation"',
  recognises: (_, happened) => {
    const object = objectAfter(happened, 'loaded')?.object;
    return object?.loading === 'light-skeleton' && !object.unit.debugInfo;
  },
});

const anythingPoisoned = kernelBug<CoreWorld>({
  name: 'poison-on-any-instruction',
  story: 'A record that finds nothing replaces its instruction whatever that is, an exit too.',
  kernels: BEFORE_THE_FIXES,
  laws: ['only-relocatable-instructions-change'],
  fix: '394ae398337c "bpf: Restrict CO-RE poisoning to relocatable instructions"',
  recognises: () => true,
});

/** What libbpf v1.8 and Linux 6.18 do against the laws of CO-RE relocation. */
export const coreKernelBugs: readonly KernelBug<CoreWorld>[] = [
  floatsCrash,
  kindBlindCache,
  recordsIgnored,
  anythingPoisoned,
];
