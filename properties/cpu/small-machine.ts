import { fromHex } from '../../src/base/bytes.ts';
import { Cpu } from '../../src/model/machine/cpu/cpu.ts';
import { FlatMemory } from '../../src/model/machine/cpu/flat-memory.ts';
import type { RegisterName } from '../../src/model/machine/cpu/register-file.ts';

export const CODE = 0xffff_ffff_c000_0000n;
export const DATA = 0xffff_8880_0000_0000n;
export const STACK_TOP = 0xffff_c900_0000_2000n;

export type Registers = { readonly [name in RegisterName]?: bigint };

/** A CPU about to execute the given code (hexadecimal, spaces allowed), with two pages of data and two of stack. */
export function machineWith(code: string | Uint8Array, registers: Registers = {}): { cpu: Cpu; memory: FlatMemory } {
  const memory = new FlatMemory();
  memory.map(CODE, 8192, { execute: true });
  memory.map(DATA, 8192);
  memory.map(STACK_TOP - 8192n, 8192);
  const bytes = typeof code === 'string' ? fromHex(code.replace(/\s/g, '')) : code;
  memory.write(CODE, bytes!);
  const cpu = new Cpu(memory);
  cpu.registers.ip = CODE;
  cpu.registers.set('rsp', STACK_TOP);
  for (const [name, value] of Object.entries(registers)) cpu.registers.set(name as RegisterName, value);
  return { cpu, memory };
}
