import { Journal } from '../../src/base/journal.ts';
import { integer, made } from '../../src/language/argument.ts';
import { fault } from '../../src/language/fault.ts';
import { InputError } from '../../src/language/input-error.ts';
import { invariant } from '../../src/language/invariant.ts';
import { kernelBug } from '../../src/language/kernel-bug.ts';
import { operation, refuse } from '../../src/language/operation.ts';
import { suite } from '../../src/language/suite.ts';

/** A shelf with numbered boxes: enough of a world to try each verb and each verdict on. */
class Shelf {
  readonly journal = new Journal();
  readonly kernel: string;
  readonly room: number;
  used = 0;
  /** The decision that the fault replaces. */
  fits = (size: number): boolean => this.used + size <= this.room;

  constructor(kernel: string, room: number) {
    this.kernel = kernel;
    this.room = room;
  }

  /** The old kernel forgets to give room back; that is its known bug. */
  take(size: number): void {
    this.journal.set(this, 'used', this.used + size);
  }
}

interface Box {
  readonly size: number;
}

const put = operation({
  name: 'put',
  aliases: ['place'],
  does: 'Puts a box on the shelf; refused when it does not fit.',
  makes: 'box',
  takes: { size: integer({ min: 1, max: 60 }) },
  apply(shelf: Shelf, { size }): unknown {
    if (!shelf.fits(size)) return refuse('-ENOSPC');
    shelf.take(size);
    return { size };
  },
  shows: (shelf: Shelf) => ({ used: shelf.used }),
});

const remove = operation({
  name: 'remove',
  does: 'Takes a box away.',
  ends: 'box',
  takes: { box: made<Box>('box') },
  apply(shelf: Shelf, { box }) {
    shelf.take(-box.size);
    if (shelf.kernel === 'old' && box.size === 13) shelf.take(200);
  },
});

const withinRoom = invariant<Shelf>({
  name: 'within-room',
  law: 'The boxes never need more room than there is.',
  judge({ used, room }, violated) {
    if (used > room) violated(`${used} of ${room} used`);
  },
});

const roomForgotten = fault<Shelf>({
  name: 'room-forgotten',
  story: 'A box is put wherever any room is left.',
  breaks: 'within-room',
  kernel: 'new',
  suite: 'shelf',
  source: 'made up',
  plant(shelf) {
    shelf.fits = () => shelf.used < shelf.room;
  },
});

const thirteen = kernelBug<Shelf>({
  name: 'thirteen',
  story: 'Boxes of size 13 leave a hole.',
  kernels: ['old'],
  laws: ['within-room'],
  recognises: (_shelf, { operation: { name } }) => name === 'remove',
});

export const shelf = suite<Shelf>({
  name: 'shelf',
  about: 'Boxes on a shelf.',
  kernels: ['new', 'old'],
  boot(kernel, { room = '100', ...others }) {
    const [unknown] = Object.keys(others);
    if (unknown !== undefined) throw new InputError(`the machine has no setting "${unknown}"; it has room`);
    return new Shelf(kernel, Number(room));
  },
  operations: [put, remove],
  invariants: [withinRoom],
  faults: [roomForgotten],
  kernelBugs: [thirteen],
  runs: 100,
  steps: 30,
});

const nothing = operation({ name: 'nothing', does: 'Nothing.', takes: {}, apply: () => undefined });

const boot = () => ({ journal: new Journal() });

/** A suite whose law never has anything to judge. */
export const idle = suite({
  name: 'idle',
  about: 'Nothing happens.',
  kernels: ['new'],
  boot,
  operations: [nothing],
  invariants: [
    invariant({
      name: 'never-asked',
      law: 'What never happens is fine.',
      concerns: () => false,
      judgeStep: () => undefined,
    }),
  ],
  runs: 5,
  steps: 5,
});

/** A suite whose model contradicts itself. */
export const broken = suite({
  name: 'broken',
  about: 'Its one operation throws.',
  kernels: ['new'],
  boot,
  operations: [
    operation({
      name: 'stumble',
      does: 'Throws.',
      takes: {},
      apply() {
        throw new TypeError('stumbled');
      },
    }),
  ],
  invariants: [invariant({ name: 'stands', law: 'It stands.', judge: () => undefined })],
  runs: 5,
  steps: 5,
});
