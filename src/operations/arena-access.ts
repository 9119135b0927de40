import { boolean, integer, made, oneOf, word64 } from '../language/argument.ts';
import { operation, refuse } from '../language/operation.ts';
import type { ArenaWorld } from '../model/arena-world.ts';
import type { AccessAnswer, AccessSize, ArenaProgram } from '../model/bpf/arena-program.ts';
import type { ArenaMapping } from '../model/bpf/arena-user-side.ts';
import { addressOf, byteArgument, formArgument, pageArgument, type RelativeAddress } from './arena-arguments.ts';
import { type AccessCall, arenaCall } from './arena-call.ts';
import { mostly } from './mostly.ts';

const where = { page: pageArgument, byte: byteArgument, form: formArgument };

/** The instruction's offset: up to eight pages to either side, where the guards are. */
const offsetArgument = integer({
  min: -32_768,
  max: 32_767,
  default: 0,
  boundaries: [-4096, -1, 4095, 4096],
  typical: ({ random }) => (random.chance(0.8) ? 0 : random.between(-32_768, 32_767)),
});

/** Bytes by the kernel's names of access widths. */
const widths = { b: 1, h: 2, w: 4, dw: 8 } as const satisfies Record<string, AccessSize>;
const widthArgument = oneOf(['dw', 'w', 'h', 'b'], { default: 'dw' });
const valueArgument = word64({ default: 1n });

const load = operation({
  name: 'arena_load',
  does: 'A program loads through a pointer into the arena; an absent page reads as 0 (PROBE_MEM32, PROBE_MEM32SX).',
  weight: 2,
  takes: {
    program: made<ArenaProgram>('program'),
    ...where,
    offset: offsetArgument,
    width: widthArgument,
    signed: boolean({ default: false, probability: 0.1 }),
  },
  ready: ({ profile }: ArenaWorld, { signed, width }) => !signed || (profile.signedLoads && width !== 'dw'),
  apply(_: ArenaWorld, { program, offset, width, signed, ...at }) {
    const place = { pointer: addressOf(program.arena, at), offset, size: widths[width] };
    return shown(signed ? program.loadSigned(place) : program.load(place));
  },
  syscall: (_: ArenaWorld, { signed, ...taken }) =>
    signed ? undefined : accessCall('load', { ...taken, value: 0n, expect: 0n }),
});

const store = operation({
  name: 'arena_store',
  does: 'A program stores through a pointer into the arena; on an absent page nothing happens (PROBE_MEM32).',
  weight: 2,
  takes: {
    program: made<ArenaProgram>('program'),
    ...where,
    offset: offsetArgument,
    width: widthArgument,
    value: valueArgument,
  },
  apply: (_: ArenaWorld, { program, offset, width, value, ...at }) =>
    shown(program.store({ pointer: addressOf(program.arena, at), offset, size: widths[width] }, value)),
  syscall: (_: ArenaWorld, taken) => accessCall('store', { ...taken, expect: 0n }),
});

const atomic = operation({
  name: 'arena_atomic',
  does: 'A program performs an atomic operation in the arena (PROBE_ATOMIC).',
  takes: {
    program: made<ArenaProgram>('program'),
    ...where,
    offset: offsetArgument,
    width: oneOf(['dw', 'w'], { default: 'dw' }),
    kind: oneOf(['add', 'and', 'or', 'xor', 'fadd', 'xchg', 'cmpxchg', 'ldacq', 'strel']),
    value: valueArgument,
    expect: valueArgument,
  },
  ready: ({ profile }: ArenaWorld, { kind }) =>
    profile.atomics && (profile.acquireRelease || (kind !== 'ldacq' && kind !== 'strel')),
  apply(_: ArenaWorld, { program, offset, width, kind, value, expect, ...at }) {
    const place = { pointer: addressOf(program.arena, at), offset, size: widths[width] };
    return shown(program.atomic(place, { kind, value, expect }));
  },
  syscall: (_: ArenaWorld, taken) => accessCall(taken.kind, taken),
});

/** Half of the casts are of the first page: its address may end in 32 zeros, and NULL is told by them. */
const castPage = mostly(pageArgument, [0], 0.5);

const cast = operation({
  name: 'addr_space_cast',
  does: 'Casts a pointer between the address spaces 1 (arena) and 0 (kernel).',
  weight: 0.5,
  takes: { program: made<ArenaProgram>('program'), ...where, page: castPage, to: oneOf(['user', 'kernel']) },
  apply(_: ArenaWorld, { program, to, ...at }) {
    const value = addressOf(program.arena, at);
    return to === 'user' ? program.castToUser(value) : program.castToKernel(value);
  },
  syscall: (_: ArenaWorld, { program, to, ...at }) =>
    arenaCall({ call: 'cast', program, pointer: addressOf(program.arena, at), to }),
});

const kernelTouch = operation({
  name: 'arena_kernel_touch',
  does: 'A helper reads through an arena pointer: since 7.2 the scratch page stands in where none is (mm/fault.c).',
  weight: 0.3,
  takes: { program: made<ArenaProgram>('program'), ...where },
  ready: ({ profile }: ArenaWorld) => profile.scratchPage,
  apply({ arenas }: ArenaWorld, { program: { arena }, ...at }) {
    const index = Number(BigInt.asUintN(32, addressOf(arena, at)) >> 12n);
    const found = arenas.kernelFaults.touch(arena, index);
    return found === 'oops' ? refuse('oops') : found;
  },
});

const directValue = operation({
  name: 'ld_imm64_map_value',
  does: 'The verifier puts the address of a byte of the arena into a program (kernel/bpf/arena.c:arena_map_direct_value_addr).',
  weight: 0.15,
  takes: {
    arena: made<ArenaMapping>('arena'),
    offset: integer({
      min: 0,
      max: 0xffff_ffff,
      default: 0,
      boundaries: [4095, 4096, 2 ** 29 - 1, 2 ** 29],
      typical: ({ random }) => 4096 * random.between(0, 10) + random.pick([0, 0, 0, 8, 4095]),
    }),
  },
  apply({ arenas }: ArenaWorld, { arena: { arena }, offset }) {
    const value = arenas.directValue(arena, offset);
    return typeof value === 'string' ? refuse(value) : value - arena.userStart;
  },
});

interface AccessArguments extends RelativeAddress {
  readonly program: ArenaProgram;
  readonly offset: number;
  readonly width: keyof typeof widths;
  readonly value: bigint;
  readonly expect: bigint;
}

const accessCall = (access: AccessCall['access'], { program, offset, width, value, expect, ...at }: AccessArguments) =>
  arenaCall({
    call: 'access',
    program,
    access,
    pointer: addressOf(program.arena, at),
    offset,
    size: widths[width],
    value,
    expect,
  });

/** The register afterwards, and what was reported. */
const shown = ({ value, report }: AccessAnswer) => ({
  ...(value !== undefined && { value }),
  ...(report !== undefined && { report: report.kind, at: report.address }),
});

export const arenaAccessOperations = [load, store, atomic, cast, directValue] as const;

/** What kernel code does with pointers into an arena. */
export const arenaKernelTouchOperations = [kernelTouch] as const;
