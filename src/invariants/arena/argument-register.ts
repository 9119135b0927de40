import type { Arena } from '../../model/bpf/arena.ts';

/** The 64-bit register that an operation's arguments stand for, by the laws' own arithmetic. */
export function registerOf({ userStart }: Arena, taken: Readonly<Record<string, unknown>>): bigint {
  if (taken.form === 'null') return 0n;
  const relative = BigInt(taken.page as number) * 4096n + BigInt(taken.byte as number);
  const low = BigInt.asUintN(32, userStart + relative);
  if (taken.form === 'low') return low;
  if (taken.form === 'garbage') return low | (0xabcd1234n << 32n);
  return BigInt.asUintN(64, userStart + relative);
}
