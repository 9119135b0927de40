/**
 * BPF as text, in the words of the kernel's disassembler (kernel/bpf/disasm.c:print_bpf_insn()) and thus of
 * `bpftool prog dump xlated`. {@link parseAssembly} reads it back without loss: fields that the text of an instruction does
 * not show, and that are not zero, are added behind a semicolon.
 *
 * What only the verifier writes has no text in the kernel. Here a load or store that may fault says so in its type
 * (`*(probe u64 *)`, `*(arena u32 *)`), and a tail call is `tail_call`, with the number of its slot when it is direct.
 */

import { parseAssembly } from './assembly-parse.ts';
import { ATOMIC_NAMES, COMPARISONS, OPERATORS, SIZE_BITS } from './assembly-words.ts';
import {
  Atomic,
  Callee,
  Class,
  classOf,
  type Instruction,
  InternalMode,
  Jump,
  LD_IMM64,
  Mode,
  MoveOffset,
  modeOf,
  Operation,
  operationOf,
  Source,
  sizeOf,
  WideSource,
  wideValue,
} from './instruction.ts';

/** `dump`: line numbers and opcodes as bpftool prints them. `plain`: the instructions alone, for traces. */
export type AssemblyStyle = 'dump' | 'plain';

/** One line an instruction, a wide load being one; every line ends with a newline. */
export function printAssembly(program: readonly Instruction[], style: AssemblyStyle = 'dump'): string {
  let text = '';
  for (let i = 0; i < program.length; i++) {
    const slot = program[i]!;
    const second = slot.opcode === LD_IMM64 && program[i + 1]?.opcode === 0 ? program[i + 1] : undefined;
    const number = style === 'dump' ? `${String(i).padStart(4)}: (${hex2(slot.opcode)}) ` : '';
    text += `${number}${printInstruction(slot, second, style)}\n`;
    if (second !== undefined) i++;
  }
  return text;
}

/** One instruction without number and opcode. `second` is the other slot of a wide load. */
function printInstruction(slot: Instruction, second: Instruction | undefined, style: AssemblyStyle): string {
  const text = second === undefined ? shortText(slot) : wideText(slot, second, style);
  if (text === undefined) return rawText(slot);
  const opcode = style === 'dump' ? `(${hex2(slot.opcode)}) ` : '';
  const parsed = parseAssembly(`${opcode}${text}`);
  const [again, secondAgain] = parsed.kind === 'program' ? parsed.instructions : [];
  if (again === undefined || again.opcode !== slot.opcode) return rawText(slot);
  return (
    text +
    hiddenFields(slot, again, '') +
    (second === undefined ? '' : hiddenFields(second, secondAgain ?? second, 'second '))
  );
}

/** The fields in which an instruction differs from what its text says. */
function hiddenFields(slot: Instruction, told: Instruction, prefix: string): string {
  const hidden = (['dst', 'src', 'offset', 'immediate'] as const).filter((field) => slot[field] !== told[field]);
  return hidden.map((field) => ` ; ${prefix}${field} ${slot[field]}`).join('');
}

/** An instruction the kernel has no words for, by its fields. */
const rawText = ({ opcode, dst, src, offset, immediate }: Instruction): string =>
  `raw ${hex2(opcode)} ; dst ${dst} ; src ${src} ; offset ${offset} ; immediate ${immediate}`;

function shortText(slot: Instruction): string | undefined {
  switch (classOf(slot.opcode)) {
    case Class.ALU:
    case Class.ALU64:
      return arithmeticText(slot);
    case Class.JMP:
    case Class.JMP32:
      return jumpText(slot);
    case Class.LD:
      return packetText(slot);
    case Class.LDX: {
      const type = accessType(slot);
      return type && `r${slot.dst} = *(${type} *)(r${slot.src} ${signed(slot.offset)})`;
    }
    case Class.ST:
      if (slot.opcode === (Class.ST | InternalMode.NOSPEC)) return 'nospec';
      return storeText(slot, String(slot.immediate));
    default:
      return modeOf(slot.opcode) === Mode.ATOMIC || modeOf(slot.opcode) === InternalMode.PROBE_ATOMIC
        ? atomicText(slot)
        : storeText(slot, `r${slot.src}`);
  }
}

function arithmeticText({ opcode, dst, src, offset, immediate }: Instruction): string | undefined {
  const wide = classOf(opcode) === Class.ALU64;
  const r = wide ? 'r' : 'w';
  const byRegister = (opcode & Source.X) !== 0;
  const operation = operationOf(opcode);
  if (operation === Operation.NEG) return `${r}${dst} = -${r}${dst}`;
  if (operation === Operation.END) {
    const name = wide ? 'bswap' : byRegister ? 'be' : 'le';
    return `r${dst} = ${name}${immediate} r${dst}`;
  }
  if (operation === Operation.MOV && byRegister && offset !== 0) return moveText(wide, dst, src, offset, immediate);
  const operator = OPERATORS.get(operation);
  const divides = operation === Operation.DIV || operation === Operation.MOD;
  return (
    operator && `${r}${dst} ${divides && offset === 1 ? 's' : ''}${operator} ${byRegister ? `${r}${src}` : immediate}`
  );
}

function moveText(wide: boolean, dst: number, src: number, offset: number, immediate: number): string {
  if (wide && offset === MoveOffset.ADDRESS_SPACE_CAST) {
    return `r${dst} = addr_space_cast(r${src}, ${immediate >>> 16}, ${immediate & 0xffff})`;
  }
  if (wide && offset === MoveOffset.PER_CPU_ADDRESS) return `r${dst} = &(void __percpu *)(r${src})`;
  const r = wide ? 'r' : 'w';
  return `${r}${dst} = (s${offset})${r}${src}`;
}

function jumpText({ opcode, dst, src, offset, immediate }: Instruction): string | undefined {
  const wide = classOf(opcode) === Class.JMP;
  switch (opcode) {
    case Class.JMP | Jump.JA:
      return `goto pc${signed(offset)}`;
    case Class.JMP32 | Jump.JA:
      return `gotol pc${signed(immediate)}`;
    case Class.JMP | Jump.JCOND:
      return `may_goto pc${signed(offset)}`;
    case Class.JMP | Jump.EXIT:
      return 'exit';
    case Class.JMP | Jump.CALL:
      if (src === Callee.FUNCTION) return `call pc${signed(immediate)}`;
      return `call ${src === Callee.KFUNC ? 'kernel-function' : 'unknown'}#${immediate}`;
    case Class.JMP | Jump.TAIL_CALL:
      return immediate === 0 ? 'tail_call' : `tail_call ${immediate - 1}`;
  }
  const r = wide ? 'r' : 'w';
  const comparison = COMPARISONS.get(operationOf(opcode));
  const right = (opcode & Source.X) !== 0 ? `${r}${src}` : `0x${(immediate >>> 0).toString(16)}`;
  return comparison && `if ${r}${dst} ${comparison} ${right} goto pc${signed(offset)}`;
}

function packetText({ opcode, src, immediate }: Instruction): string | undefined {
  const bits = SIZE_BITS.get(sizeOf(opcode));
  if (modeOf(opcode) === Mode.ABS) return `r0 = *(u${bits} *)skb[${immediate}]`;
  return modeOf(opcode) === Mode.IND ? `r0 = *(u${bits} *)skb[r${src} + ${immediate}]` : undefined;
}

function storeText(slot: Instruction, value: string): string | undefined {
  const type = accessType(slot);
  return type && `*(${type} *)(r${slot.dst} ${signed(slot.offset)}) = ${value}`;
}

/** The type of a load or store, with the way it may fault. */
function accessType({ opcode }: Instruction): string | undefined {
  const bits = SIZE_BITS.get(sizeOf(opcode));
  const load = classOf(opcode) === Class.LDX;
  switch (modeOf(opcode)) {
    case Mode.MEM:
      return `u${bits}`;
    case Mode.MEMSX:
      return load ? `s${bits}` : undefined;
    case InternalMode.PROBE_MEM:
      return load ? `probe u${bits}` : undefined;
    case InternalMode.PROBE_MEMSX:
      return load ? `probe s${bits}` : undefined;
    case InternalMode.PROBE_MEM32:
      return `arena u${bits}`;
    case InternalMode.PROBE_MEM32SX:
      return load ? `arena s${bits}` : undefined;
    default:
      return undefined;
  }
}

/** Registers are `r` whatever the size, as the kernel prints them. */
function atomicText({ opcode, dst, src, offset, immediate }: Instruction): string | undefined {
  const bits = SIZE_BITS.get(sizeOf(opcode))!;
  const suffix = bits === 64 ? '64' : '';
  const type = `${modeOf(opcode) === InternalMode.PROBE_ATOMIC ? 'arena ' : ''}u${bits}`;
  const place = (base: number) => `(${type} *)(r${base} ${signed(offset)})`;
  if (immediate === Atomic.LOAD_ACQUIRE) return `r${dst} = load_acquire(${place(src)})`;
  if (immediate === Atomic.STORE_RELEASE) return `store_release(${place(dst)}, r${src})`;
  if (bits < 32) return undefined;
  if (immediate === Atomic.XCHG) return `r${src} = atomic${suffix}_xchg(${place(dst)}, r${src})`;
  if (immediate === Atomic.CMPXCHG) return `r0 = atomic${suffix}_cmpxchg(${place(dst)}, r0, r${src})`;
  const name = ATOMIC_NAMES.get(immediate & ~Atomic.FETCH);
  if (name === undefined) return undefined;
  if ((immediate & Atomic.FETCH) !== 0) return `r${src} = atomic${suffix}_fetch_${name}(${place(dst)}, r${src})`;
  return `lock *${place(dst)} ${OPERATORS.get(immediate)} r${src}`;
}

function wideText(first: Instruction, second: Instruction, style: AssemblyStyle): string | undefined {
  const low = first.immediate >>> 0;
  const high = second.immediate >>> 0;
  switch (first.src) {
    case WideSource.MAP_FD:
      return `r${first.dst} = map[id:${low}]`;
    case WideSource.MAP_VALUE:
      return `r${first.dst} = map[id:${low}][0]+${high}`;
    case WideSource.MAP_INDEX_VALUE:
      return `r${first.dst} = map[idx:${low}]+${high}`;
    case WideSource.FUNCTION:
      return `r${first.dst} = subprog[${signed(first.immediate)}]`;
    default:
      return `r${first.dst} = 0x${wideValue(first, second).toString(16)}${style === 'plain' ? ' ll' : ''}`;
  }
}

const signed = (value: number): string => (value < 0 ? String(value) : `+${value}`);
const hex2 = (opcode: number): string => opcode.toString(16).padStart(2, '0');
