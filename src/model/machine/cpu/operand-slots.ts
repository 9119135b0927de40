import {
  type Decoded,
  type Form,
  MEMORY,
  PREPARE_BOTH,
  PREPARE_IMMEDIATE,
  PREPARE_MEMORY,
  PREPARE_NOTHING,
} from './decoded.ts';
import { IMMEDIATE_SLOT, MEMORY_SLOT, RCX } from './register-file.ts';

/**
 * Where an instruction finds its operands, worked out once when it is decoded: all operands are slots of one array,
 * the registers followed by a slot for an immediate and one for what was loaded from memory. An instruction then has
 * one meaning instead of one per combination of operands. A high byte register is the slot of its register; the few
 * instructions with byte operands look at the number itself.
 */
export function slotsOf(
  form: Form,
  register: number,
  rm: number,
  vvvv: number,
): Pick<Decoded, 'left' | 'right' | 'prepare'> {
  const inMemory = rm === MEMORY;
  const rmSlot = 2 * (inMemory ? MEMORY_SLOT : rm & 15);
  const registerSlot = 2 * (register & 15);
  const memory = inMemory ? PREPARE_MEMORY : PREPARE_NOTHING;
  switch (form) {
    case 'rm':
      return { left: rmSlot, right: rmSlot, prepare: memory };
    case 'rm, register':
      return { left: rmSlot, right: registerSlot, prepare: memory };
    case 'register, rm':
      return { left: registerSlot, right: rmSlot, prepare: memory };
    case 'rm, immediate':
      return { left: rmSlot, right: 2 * IMMEDIATE_SLOT, prepare: inMemory ? PREPARE_BOTH : PREPARE_IMMEDIATE };
    case 'rm, cl':
      return { left: rmSlot, right: 2 * RCX, prepare: memory };
    case 'register, rm, immediate':
      return { left: rmSlot, right: 2 * IMMEDIATE_SLOT, prepare: inMemory ? PREPARE_BOTH : PREPARE_IMMEDIATE };
    case 'register, rm, register':
      return { left: rmSlot, right: 2 * vvvv, prepare: memory };
    case 'none':
    case 'relative':
      return { left: 0, right: 0, prepare: PREPARE_NOTHING };
  }
}
