import { JournaledMap } from '../../base/journal.ts';
import type { Ghost, Happened } from '../../language/invariant.ts';
import { Refusal } from '../../language/operation.ts';
import type { TextAddress } from '../../model/kernel/text-address.ts';
import type { World } from '../../model/world.ts';

/** What the selftest wrote at one place. */
interface Written {
  readonly at: number;
  readonly length: number;
  readonly code: number;
}

/** A text as the selftest should find it. */
export interface SelftestRecord {
  readonly address: TextAddress;
  readonly size: number;
  readonly written: readonly Written[];
  readonly published: boolean;
}

/** What operations of the selftest return and take, as far as the account reads it. */
interface Shown {
  readonly text: { readonly address: TextAddress; readonly size: number };
}

/** Who holds which text in the selftest and what was written to it, kept from the steps alone. */
export class SelftestTexts {
  readonly held: JournaledMap<object, SelftestRecord>;
  /** What the last step gave back. */
  freed: SelftestRecord | undefined;

  constructor({ journal }: World) {
    this.held = new JournaledMap(journal);
  }

  follow({ operation: { name }, taken, returned }: Happened): void {
    this.freed = undefined;
    if (returned instanceof Refusal) return;
    const object = (name === 'text_alloc' ? returned : taken.text) as Shown;
    const { address, size } = object.text;
    const record = this.held.get(object) ?? { address, size, written: [], published: false };
    switch (name) {
      case 'text_alloc':
        this.held.set(object, record);
        break;
      case 'text_fill':
        this.held.set(object, { ...record, written: [...record.written, ...writtenBy(taken, size)] });
        break;
      case 'text_publish':
        this.held.set(object, { ...record, published: true });
        break;
      case 'text_free':
        this.held.delete(object);
        this.freed = record;
        break;
    }
  }
}

function writtenBy({ part, code }: Happened['taken'], size: number): readonly Written[] {
  if (part === 'all') return [{ at: 0, length: size, code: code as number }];
  return [0, size - 1].map((at) => ({ at, length: 1, code: code as number }));
}

const accounts = new WeakMap<World, SelftestTexts>();

export const selftestTexts = {
  name: 'selftest-texts',
  begin: (world: World) => void accounts.set(world, new SelftestTexts(world)),
  follow: (world: World, happened: Happened) => accounts.get(world)!.follow(happened),
  of: (world: World): SelftestTexts => accounts.get(world)!,
} satisfies Ghost<World> & { of(world: World): SelftestTexts };
