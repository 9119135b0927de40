import { type Decoded, type Form, MEMORY } from './decoded.ts';
import { MEMORY_SLOT, RCX } from './register-file.ts';

type Slots = Pick<Decoded, 'left' | 'right' | 'leftInMemory'>;

/**
 * Where an instruction finds its operands, worked out once when it is decoded: the registers are slots of one array,
 * followed by a slot for what was loaded from memory. An instruction then has one meaning instead of one for every
 * combination of operands. A high byte register is the slot of its register; the few instructions with byte operands
 * look at the number itself.
 */
export function slotsOf(form: Form, register: number, rm: number, vvvv: number): Slots {
  const leftInMemory = rm === MEMORY;
  const rmSlot = 2 * (leftInMemory ? MEMORY_SLOT : rm & 15);
  const registerSlot = 2 * (register & 15);
  switch (form) {
    case 'rm':
      return { left: rmSlot, right: rmSlot, leftInMemory };
    case 'rm, register':
      return { left: rmSlot, right: registerSlot, leftInMemory };
    case 'register, rm':
      return { left: registerSlot, right: rmSlot, leftInMemory: false };
    case 'rm, cl':
      return { left: rmSlot, right: 2 * RCX, leftInMemory };
    case 'register, rm, register':
      return { left: rmSlot, right: 2 * vvvv, leftInMemory };
    case 'rm, immediate':
    case 'register, rm, immediate':
      return { left: rmSlot, right: 0, leftInMemory };
    case 'none':
    case 'relative':
      return { left: 0, right: 0, leftInMemory: false };
  }
}
