import { invariant } from '../../language/invariant.ts';
import type { ArenaWorld } from '../../model/arena-world.ts';
import type { ArenaProgram } from '../../model/bpf/arena-program.ts';
import { isNull, lowHalfOf } from './argument-register.ts';

/** Facts I19, D2 and L7: only the low half of a pointer decides; a low half of 0 is NULL for user space. */
export const castsAgree = invariant<ArenaWorld>({
  name: 'casts-agree',
  law: "A cast to the kernel keeps the low half; a cast to user space puts the arena's high half above it, except for NULL.",
  after: ['addr_space_cast'],
  judgeStep({ profile }, { taken, returned }, violated) {
    const { arena } = taken.program as ArenaProgram;
    const low = BigInt(lowHalfOf(arena, taken));
    const isNullForUsers = low === 0n && (isNull(arena, taken) || profile.latent.has('L7'));
    const plain = taken.to === 'kernel' || isNullForUsers || (arena.attributes.flags & 0x4_0000) !== 0;
    const expected = plain ? low : (arena.userStart / (1n << 32n)) * (1n << 32n) + low;
    if (returned !== expected) violated(`0x${(returned as bigint).toString(16)} instead of 0x${expected.toString(16)}`);
  },
});

/** Facts I34: the JIT has baked both into the code. */
export const programsKnowTheirArena = invariant<ArenaWorld>({
  name: 'programs-know-their-arena',
  law: 'The addresses that a program was compiled with are those of its arena.',
  concerns: (_, { taken }) => taken.program !== undefined,
  judgeStep(_, { taken }, violated) {
    const { arena, userStart, windowFirst } = taken.program as ArenaProgram;
    if (userStart !== arena.userStart)
      violated(`the program knows 0x${userStart.toString(16)} as the start of its arena`);
    if (windowFirst !== arena.window.first) violated('the program knows another kernel window');
  },
});
