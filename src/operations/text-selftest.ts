import { integer, made, oneOf } from '../language/argument.ts';
import { operation, refuse } from '../language/operation.ts';
import { textAllocator } from '../model/text-door/door.ts';
import { type HeldText, type TextUser, textUsers } from '../model/text-door/text-allocator.ts';
import type { World } from '../model/world.ts';
import { cpuArgument, cpuExists } from './circumstance.ts';

/** Text that the selftest holds, and whose door it came through. */
export interface SelftestText {
  readonly user: TextUser;
  readonly text: HeldText;
  state: 'written' | 'published' | 'freed';
}

/** What is written: neither a trap nor what fresh memory may hold. */
const codeArgument = integer({ min: 1, max: 0xcb, default: 0x90, base: 16 });

const alloc = operation({
  name: 'text_alloc',
  does: 'Asks the allocator of a user for (i % 1024 + 1) * 64 bytes of text, the sizes of the selftest of November 2022.',
  makes: 'text',
  weight: 2,
  takes: {
    user: oneOf(textUsers, { default: 'bpf' }),
    i: integer({ min: 0, max: 1023, simplest: 0, typical: ({ random }) => Math.floor(1024 ** random.unit()) - 1 }),
    cpu: cpuArgument,
  },
  ready: (world: World, { cpu }) => cpuExists(world, cpu),
  apply(world: World, { user, i, cpu }) {
    const text = textAllocator(world, user).allocate(((i % 1024) + 1) * 64, cpu);
    return text === undefined ? refuse('NULL') : ({ user, text, state: 'written' } satisfies SelftestText);
  },
});

const fill = operation({
  name: 'text_fill',
  does: 'Writes all of a text, or its first and its last byte, before it is published.',
  weight: 2,
  takes: { text: made<SelftestText>('text'), part: oneOf(['all', 'ends']), code: codeArgument, cpu: cpuArgument },
  ready: (world: World, { text, cpu }) => cpuExists(world, cpu) && text.state === 'written',
  apply(world: World, { text: { user, text }, part, code, cpu }) {
    const allocator = textAllocator(world, user);
    const places = part === 'all' ? [0] : [0, text.size - 1];
    const bytes = new Uint8Array(part === 'all' ? text.size : 1).fill(code);
    return places.every((at) => allocator.write(text, at, bytes, cpu)) ? 0 : refuse('-EINVAL');
  },
});

const publish = operation({
  name: 'text_publish',
  does: 'The text is complete: from here on it can be run.',
  weight: 2,
  takes: { text: made<SelftestText>('text'), cpu: cpuArgument },
  ready: (world: World, { text, cpu }) => cpuExists(world, cpu) && text.state === 'written',
  apply(world: World, { text, cpu }) {
    if (!textAllocator(world, text.user).publish(text.text, cpu)) return refuse('-EINVAL');
    world.journal.set(text, 'state', 'published');
    return 0;
  },
});

const free = operation({
  name: 'text_free',
  does: 'Gives a text back, published or not; what the kernel puts off is done at once.',
  ends: 'text',
  weight: 1.5,
  takes: { text: made<SelftestText>('text'), cpu: cpuArgument },
  ready: (world: World, { cpu }) => cpuExists(world, cpu),
  apply(world: World, { text, cpu }) {
    const allocator = textAllocator(world, text.user);
    allocator.free(text.text, cpu);
    allocator.settle(cpu);
    world.journal.set(text, 'state', 'freed');
  },
});

/** What the selftest that the mails of July 2022 asked for (lib/test_vmalloc_text.c) would do, on any allocator of text. */
export const textSelftestOperations = [alloc, fill, publish, free] as const;
