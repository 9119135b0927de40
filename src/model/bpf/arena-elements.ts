import type { Errno } from '../kernel/errno.ts';
import type { Arena } from './arena.ts';

/** The element commands of bpf(2). */
export type ElementCommand = 'lookup' | 'update' | 'delete' | 'next-key';

/** What of the attributes decides: whether pointers to a key and to a value are given. */
export interface ElementAttributes {
  readonly key: boolean;
  readonly value: boolean;
}

/**
 * Element operations of an arena through bpf(2), in the order of kernel/bpf/syscall.c: unused attributes must be zero, a
 * frozen map cannot be written, a key of size 0 must be NULL; only then the arena says what it thinks of elements.
 */
export function elementOperation(arena: Arena, command: ElementCommand, { key, value }: ElementAttributes): Errno {
  if (command === 'delete' && value) return '-EINVAL';
  if ((command === 'update' || command === 'delete') && arena.frozen) return '-EPERM';
  if (key) return '-EINVAL';
  return command === 'lookup' ? '-EINVAL' : '-EOPNOTSUPP';
}

/** BPF_MAP_FREEZE: never again possible once there was a writable mapping (facts L5). A second freeze may not write. */
export function freezeArena(arena: Arena): Errno | undefined {
  if (arena.frozen) return '-EPERM';
  if (arena.writers > 0) return '-EBUSY';
  arena.set('frozen', true);
  return undefined;
}
