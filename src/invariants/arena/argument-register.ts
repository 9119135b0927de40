import type { Arena } from '../../model/bpf/arena.ts';

/** The arguments that make an address, as operations take them. */
type Taken = Readonly<Record<string, unknown>>;

const WINDOW = 2 ** 32;

/** The low half of the register that an operation's arguments stand for, by the laws' own arithmetic. */
export function lowHalfOf({ userStart }: Arena, { form, page, byte }: Taken): number {
  if (form === 'null') return 0;
  const relative = (page as number) * 4096 + (byte as number);
  const low = (Number(userStart & 0xffff_ffffn) + relative) % WINDOW;
  return low < 0 ? low + WINDOW : low;
}

/** Whether all 64 bits of the register are 0: garbage above the low half makes it an address. */
export const isNull = (arena: Arena, taken: Taken): boolean =>
  taken.form === 'null' || (taken.form === 'low' && lowHalfOf(arena, taken) === 0);
