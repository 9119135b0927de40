import { type KernelBug, kernelBug } from '../../language/kernel-bug.ts';
import { Atomic, decodeInstructions, type Instruction } from '../../model/bpf/instruction.ts';
import type { WholeWorld } from '../../model/whole-world.ts';

/** BPF_STX | BPF_PROBE_ATOMIC, without the size. */
const ARENA_ATOMIC = 0xe3;
const SIZE_BITS = 0x18;

/** Whether the program that ran, or one that it can have called, has such an instruction in an arena. */
function mayHaveRun({ lastRun, array }: WholeWorld, isMet: (slot: Instruction) => boolean): boolean {
  const inArena = (slot: Instruction) => (slot.opcode & ~SIZE_BITS) === ARENA_ATOMIC && isMet(slot);
  return [lastRun?.program, ...array.slots.items].some((one) =>
    one?.loaded.functions.some(({ code }) => (decodeInstructions(code) ?? []).some(inArena)),
  );
}

/**
 * The profile of arenas has it from recordings: from 6.16 to 7.1 no extension follows a compare-and-exchange of 32 bits in an
 * arena, so that r0 keeps its upper half where the exchange succeeds or faults.
 */
const arenaExchangeKeepsUpperR0 = kernelBug<WholeWorld>({
  name: 'arena-exchange-keeps-upper-r0',
  story: 'A compare-and-exchange of 32 bits in an arena leaves the upper half of r0 as it was.',
  kernels: ['6.18'],
  laws: ['interpreter-and-cpu-agree'],
  recognises: (world) =>
    mayHaveRun(world, ({ opcode, immediate }) => (opcode & SIZE_BITS) === 0 && immediate === Atomic.CMPXCHG),
});

/** Facts, section 16, bug 20: its exception entry is that of a store, which clears nothing. Mended by 7.2. */
const loadAcquireLeavesLeftovers = kernelBug<WholeWorld>({
  name: 'load-acquire-leaves-leftovers',
  story:
    'A load-acquire from an absent page of an arena keeps what its destination held, though the verifier takes it for written: another program may have left that.',
  kernels: ['6.18'],
  laws: ['interpreter-and-cpu-agree'],
  recognises: (world) => mayHaveRun(world, ({ immediate }) => immediate === Atomic.LOAD_ACQUIRE),
});

/** What real kernels do against the laws of programs. */
export const wholeKernelBugs: readonly KernelBug<WholeWorld>[] = [
  arenaExchangeKeepsUpperR0,
  loadAcquireLeavesLeftovers,
];
