import { integer, made, oneOf } from '../language/argument.ts';
import { operation, refuse } from '../language/operation.ts';
import type { TextAddress } from '../model/kernel/text-address.ts';
import { textUsers } from '../model/text-door/text-allocator.ts';
import type { World } from '../model/world.ts';
import { cpuArgument, cpuExists, failingArgument } from './circumstance.ts';

/** Text as a user of vmalloc_text_alloc() holds it. */
interface UserText {
  readonly address: TextAddress;
  /** As asked for, in bytes. */
  readonly size: number;
  live: boolean;
}

const alloc = operation({
  name: 'vmalloc_text_alloc',
  does: 'A module, BPF, ftrace or a kprobe takes read-only executable text from the one allocator of the mails of July 2022.',
  makes: 'vtext',
  weight: 3,
  takes: {
    size: integer({
      min: 0,
      max: 4_194_305,
      simplest: 64,
      boundaries: [1, 63, 64, 65, 4096, 2_097_152],
      typical: ({ random, sizeLean }) =>
        random.chance(sizeLean / 6)
          ? random.pick([2_097_088, 2_097_152, 2_097_153, 2_097_153])
          : Math.floor(16 * 2 ** random.below(9)) + random.below(64),
    }),
    align: integer({ min: -64, max: 4096, default: 64, typical: ({ random }) => random.pick([1, 64, 64, 64, 4096]) }),
    user: oneOf(textUsers, { default: 'module' }),
    cpu: cpuArgument,
    failing: failingArgument,
  },
  ready: (world: World, { cpu }) => cpuExists(world, cpu),
  apply({ sharing: { vmallocText }, failing: plan }: World, { size, align, cpu, failing }) {
    const address = plan.during(failing, () => vmallocText.allocate(size, align, cpu));
    return address === undefined ? refuse('NULL') : ({ address, size, live: true } satisfies UserText);
  },
  shows: ({ text: { slices } }: World, _, made) => slices.placeOf((made as UserText).address),
});

/** Sizes that no window holds: an int that went negative, and one near the end of the address space. */
const absurdSizes = { more_than_the_window: 2 ** 31, nearly_all_there_is: 2 ** 64 - 8 } as const;

const allocAbsurd = operation({
  name: 'vmalloc_text_alloc_absurd',
  does: 'Asks for more text than there is address space for it: NULL, and nothing changes.',
  weight: 0.2,
  takes: { size: oneOf(['more_than_the_window', 'nearly_all_there_is']), cpu: cpuArgument },
  ready: (world: World, { cpu }) => cpuExists(world, cpu),
  apply({ sharing: { vmallocText } }: World, { size, cpu }) {
    return vmallocText.allocate(absurdSizes[size], 64, cpu) === undefined ? refuse('NULL') : 0;
  },
});

const copy = operation({
  name: 'vmalloc_text_copy',
  does: 'Writes bytes of a text; -EINVAL and nothing else unless they lie in one chunk.',
  weight: 3,
  takes: {
    vtext: made<UserText>('vtext', { life: 'any', endedProbability: 0.05 }),
    at: integer({ min: -4096, max: 2_200_000, default: 0, typical: ({ random }) => random.below(200) }),
    length: integer({
      min: 0,
      max: 70_000,
      simplest: 1,
      boundaries: [64, 4096],
      typical: ({ random }) => random.between(0, 300),
    }),
    code: integer({ min: 0, max: 255, default: 0x90, base: 16 }),
    cpu: cpuArgument,
  },
  ready: (world: World, { vtext, at, cpu }) => cpuExists(world, cpu) && isOwn(world, vtext, at),
  apply({ sharing: { vmallocText } }: World, { vtext, at, length, code, cpu }) {
    const answer = vmallocText.copy(vtext.address + at, new Uint8Array(length).fill(code), cpu);
    return answer === 0 ? 0 : refuse(answer);
  },
});

const free = operation({
  name: 'vmalloc_text_free',
  does: 'Gives text back, sometimes through an interior pointer or a second time, which is warned of and changes nothing.',
  ends: 'vtext',
  weight: 2,
  takes: {
    vtext: made<UserText>('vtext', { life: 'any', endedProbability: 0.05 }),
    at: integer({ min: 0, max: 2_200_000, default: 0, typical: ({ random }) => (random.chance(0.05) ? 64 : 0) }),
    cpu: cpuArgument,
    failing: failingArgument,
  },
  ready: (world: World, { vtext, at, cpu }) => cpuExists(world, cpu) && isOwn(world, vtext, at),
  apply({ sharing: { vmallocText }, journal, failing: plan, log }: World, { vtext, at, cpu, failing }) {
    const reports = log.reports.length;
    plan.during(failing, () => vmallocText.release(vtext.address + at, cpu));
    const said = log.since(reports);
    if (said.length > 0) return refuse('WARN');
    journal.set(vtext, 'live', false);
    return said;
  },
});

/** Whether the address is the text's own, or nobody's: what happens to a victim is no answer of the allocator's. */
function isOwn({ sharing: { vmallocText } }: World, { address, live }: UserText, at: number): boolean {
  const holder = vmallocText.busy.at(address + at);
  return holder === undefined || (live && holder.start === address);
}

export const vmallocTextOperations = [alloc, allocAbsurd, copy, free] as const;
