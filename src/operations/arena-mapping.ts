import { integer } from '../language/argument.ts';
import { operation, refuse } from '../language/operation.ts';
import type { ArenaWorld } from '../model/arena-world.ts';
import type { ArenaMapping } from '../model/bpf/arena-user-side.ts';
import { protectMemory, remapMemory, unmapMemory } from '../model/kernel/user-memory/change-mapping.ts';
import { bytesBeyond, pageArgument, userAddress, wholePageArgument } from './arena-arguments.ts';
import { arenaCall } from './arena-call.ts';
import {
  lengthOf,
  mappedArena,
  mappingProcess,
  mayChange,
  maySee,
  pagesArgument,
  rights,
  rightsArgument,
} from './arena-ranges.ts';
import { carefully } from './careful-caller.ts';

/** Where a move of a mapping would go. */
const ELSEWHERE = 0x4a00_0000_0000n;

const range = {
  process: mappingProcess,
  arena: mappedArena,
  page: wholePageArgument,
  pages: pagesArgument,
  byte: bytesBeyond,
  more_bytes: bytesBeyond,
};

interface Range {
  readonly page: number;
  readonly pages: number;
  readonly byte: number;
  readonly more_bytes: number;
}

/** The bytes that the arguments name. */
function bytesOf(
  arena: ArenaMapping,
  { page, byte, pages, more_bytes: more }: Range,
): readonly [address: bigint, length: bigint] {
  return [
    userAddress(arena.arena, page, byte),
    BigInt.asUintN(64, BigInt(lengthOf(arena, pages)) * 4096n + BigInt(more)),
  ];
}

const munmap = operation({
  name: 'munmap',
  does: 'Unmaps a range: the whole arena, or a part of it that kernels may refuse (mm/vma.c).',
  weight: 0.5,
  takes: {
    ...range,
    page: carefully(wholePageArgument, ({ random }) => (random.chance(0.9) ? 0 : 1)),
  },
  ready: (_: ArenaWorld, { process }) => mayChange(process),
  apply: (_: ArenaWorld, { process, arena, ...at }) => answered(unmapMemory(process, ...bytesOf(arena, at))),
  syscall(_: ArenaWorld, { process, arena, ...at }) {
    const [address, length] = bytesOf(arena, at);
    return arenaCall({ call: 'munmap', process, address, length });
  },
});

const mprotect = operation({
  name: 'mprotect',
  does: 'Changes the rights of a range (mm/mprotect.c).',
  weight: 0.3,
  takes: { ...range, rights: rightsArgument },
  ready: (_: ArenaWorld, { process }) => mayChange(process),
  apply: (_: ArenaWorld, { process, arena, rights: wanted, ...at }) =>
    answered(protectMemory(process, ...bytesOf(arena, at), rights[wanted])),
  syscall(_: ArenaWorld, { process, arena, rights: wanted, ...at }) {
    const [address, length] = bytesOf(arena, at);
    return arenaCall({ call: 'mprotect', process, address, length, protection: rights[wanted] });
  },
});

const mremap = operation({
  name: 'mremap',
  does: 'Shrinks, grows or moves a mapping of an arena, which only shrinking may do (mm/mremap.c).',
  weight: 0.2,
  takes: { ...range, new_pages: pagesArgument, flags: integer({ min: 0, max: 8, default: 0, boundaries: [1, 3, 5] }) },
  ready: (_: ArenaWorld, { process }) => mayChange(process),
  apply(_: ArenaWorld, { process, arena, new_pages: newPages, flags, ...at }) {
    const answer = remapMemory(process, moved(arena, { newPages, flags, ...at }));
    return typeof answer === 'string' ? refuse(answer) : answer;
  },
  syscall: (_: ArenaWorld, { process, arena, new_pages: newPages, flags, ...at }) =>
    arenaCall({ call: 'mremap', process, ...moved(arena, { newPages, flags, ...at }) }),
});

/** What mremap(2) is given. */
function moved(arena: ArenaMapping, { newPages, flags, ...at }: Range & { newPages: number; flags: number }) {
  const [address, oldLength] = bytesOf(arena, at);
  const newLength = BigInt.asUintN(64, BigInt(lengthOf(arena, newPages)) * 4096n);
  return { address, oldLength, newLength, flags, newAddress: ELSEWHERE };
}

const zapRange = operation({
  name: 'madvise_dontneed',
  does: 'MADV_DONTNEED: user entries of a range go, as they may at any time (mm/madvise.c).',
  weight: 0.3,
  takes: { process: range.process, arena: range.arena, page: pageArgument, pages: range.pages },
  ready: (_: ArenaWorld, { process }) => maySee(process),
  apply: (_: ArenaWorld, { process, arena, page, pages }) => {
    const first = Number(userAddress(arena.arena, page) >> 12n);
    process.zap(first, first + Math.min(lengthOf(arena, pages), 2 ** 20));
  },
  syscall: (_: ArenaWorld, { process, arena, page, pages }) => {
    const length = BigInt(Math.min(lengthOf(arena, pages), 2 ** 20)) * 4096n;
    return arenaCall({ call: 'madvise-dontneed', process, address: userAddress(arena.arena, page), length });
  },
});

const answered = (errno: string | undefined) => (errno === undefined ? 0 : refuse(errno));

/** What user space does to a mapping that stands: whole or in part, and past its ends. */
export const arenaMappingOperations = [munmap, mprotect, mremap, zapRange] as const;
