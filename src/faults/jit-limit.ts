import { roundUp } from '../base/word.ts';
import { type Fault, fault } from '../language/fault.ts';
import type { World } from '../model/world.ts';

const HERE = { kernel: '6.18', suite: 'prog-pack' } as const;

const structOpsUncharged = fault<World>({
  ...HERE,
  name: 'struct-ops-image-uncharged',
  story: 'The page of trampolines that a struct_ops map owns is not counted against the limit.',
  breaks: 'the-charge-is-what-exists',
  alsoBreaks: ['a-free-returns-what-was-charged', 'the-limit-binds-the-incapable'],
  source: 'before 5c04433daf9e "bpf: Charge modmem for struct_ops trampoline" (6.7)',
  plant({ text: { trampolines } }) {
    trampolines.structOpsAmount = () => 0;
  },
});

const failedAllocationStaysCharged = fault<World>({
  ...HERE,
  name: 'failed-allocation-stays-charged',
  story: 'A program that was charged and then got no memory is never uncharged.',
  breaks: 'refusals-change-nothing',
  alsoBreaks: ['the-charge-is-what-exists', 'a-free-returns-what-was-charged'],
  source: 'plausible: the error path of bpf_jit_binary_pack_alloc() forgets to uncharge',
  plant({ text: { binaries } }) {
    const { allocate, uncharge } = binaries;
    binaries.allocate = (request) => {
      binaries.uncharge = () => {};
      const binary = allocate.call(binaries, request);
      binaries.uncharge = uncharge;
      return binary;
    };
  },
});

const freedProgramStaysCharged = fault<World>({
  ...HERE,
  name: 'freed-program-stays-charged',
  story: 'Unloading a program gives its text back, but not its charge: the limit is eaten up.',
  breaks: 'a-free-returns-what-was-charged',
  alsoBreaks: ['the-charge-is-what-exists', 'refusals-change-nothing'],
  source: 'plausible: bpf_jit_uncharge_modmem() is lost',
  plant({ text: { binaries } }) {
    binaries.uncharge = () => {};
  },
});

const programUncharged = fault<World>({
  ...HERE,
  name: 'program-uncharged',
  story: 'A program is charged nothing, and its free gives back what was never taken.',
  breaks: 'the-charge-is-what-exists',
  alsoBreaks: ['the-limit-binds-the-incapable', 'a-free-returns-what-was-charged', 'refusals-change-nothing'],
  source: 'plausible: bpf_jit_charge_modmem() is lost when the allocator is replaced',
  plant({ text: { binaries } }) {
    binaries.charge = () => true;
  },
});

const refusedChargeStays = fault<World>({
  ...HERE,
  name: 'refused-charge-stays',
  story: 'A charge above the limit is refused, but what was added for the comparison is not taken off again.',
  breaks: 'refusals-change-nothing',
  alsoBreaks: ['the-charge-is-what-exists'],
  source: 'plausible: the subtraction in bpf_jit_charge_modmem() is lost',
  plant({ text: { limit } }) {
    limit.charge = (amount, capable) => {
      limit.uncharge(-amount);
      return capable || !limit.exceeded();
    };
  },
});

const limitComparedInPages = fault<World>({
  ...HERE,
  name: 'limit-compared-in-pages',
  story: 'Charges are bytes, but the comparison still counts whole pages, so up to a page too much is let through.',
  breaks: 'the-limit-binds-the-incapable',
  source: 'plausible: half of the change from pages to bytes (5.18)',
  plant({ text: { limit } }) {
    limit.exceeded = () => Math.floor(limit.current / 4096) > Math.floor(limit.limit / 4096);
  },
});

const trampolineUnchargedRounded = fault<World>({
  ...HERE,
  name: 'trampoline-uncharged-rounded',
  story: 'A trampoline is charged its size and uncharged its size in whole chunks, also where it could not be had.',
  breaks: 'a-free-returns-what-was-charged',
  alsoBreaks: ['refusals-change-nothing', 'the-charge-is-what-exists'],
  source: 'plausible: the sizes of trampolines in packs are not rounded (6.8)',
  plant({ text: { trampolines, limit } }) {
    trampolines.uncharge = (amount) => limit.uncharge(roundUp(amount, 64));
  },
});

export const jitLimitFaults: readonly Fault<World>[] = [
  structOpsUncharged,
  failedAllocationStaysCharged,
  freedProgramStaysCharged,
  programUncharged,
  refusedChargeStays,
  limitComparedInPages,
  trampolineUnchargedRounded,
];
