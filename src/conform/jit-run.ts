/**
 * Runs recorded programs twice, once as BPF in the interpreter and once as the recorded machine code on the modelled CPU,
 * and holds both to what the kernel's run returned and wrote. Three independent meanings of one program agree, or not.
 */
import { bytesEqual, fromHex, toHex } from '../base/bytes.ts';
import { hex } from '../base/word.ts';
import { Callee, decodeInstructions, type Instruction } from '../model/bpf/instruction.ts';
import { Interpreter } from '../model/bpf/interpreter.ts';
import { describeStop } from '../model/bpf/interpreter-stop.ts';
import type { JitMachine } from '../model/bpf/jit/machine.ts';
import { type NativeEnd, NativeRun } from '../model/bpf/native-run.ts';
import type { CallTarget, Program } from '../model/bpf/program.ts';
import {
  contextBytes,
  type JitHost,
  type JitMemory,
  jitMemory,
  PROGRAM_ARRAY,
  SYSCALL_PROGRAM,
  type Unstated,
} from './jit-memory.ts';

import { type JitRecord, jitInput } from './jit-record.ts';
import { recordedCode, recordedHelper } from './jit-recorded-code.ts';
import type { PacketLayout } from './jit-recorded-filter.ts';

/** What became of one line: equal, different in a field of the recording, or beyond judgement for the reason given. */
export type JitRunVerdict =
  | {
      readonly kind: 'equal';
      readonly performed: number;
      readonly retired: number;
      readonly arenaPage: Uint8Array | undefined;
    }
  | ({ readonly kind: 'different'; readonly by: 'interpreter' | 'CPU' } & RunDifference)
  | { readonly kind: 'not-comparable'; readonly reason: string };

interface RunDifference {
  readonly field: 'ret' | 'ctx_diff';
  readonly expected: string;
  readonly actual: string;
}

/** Two values for bytes the recording does not state. A result that depends on them is not judged. */
const FILLERS = [0x00, 0xa5] as const;

/** More than 65,535 rounds of may_goto twice. The eight million rounds that older kernels grant are not worth the wait. */
const LIMIT = 2_000_000;

/**
 * Judges the lines of one recording, in order. What the recording leaves open is tried every way it can have been, and
 * one way must agree in everything: whether the recorder had filled the arena anew, and whether the slots of a program
 * array were empty or held the program the recording calls the target.
 */
export class JitRuns {
  readonly #packet: PacketLayout;
  #arenaPage: Uint8Array | undefined;
  #tailCallTarget: JitRecord | undefined;

  constructor(packet: PacketLayout) {
    this.#packet = packet;
  }

  /** `callback` is the code of a callback for exceptions that is no function of the program's own. */
  judge(line: JitRecord, machine: JitMachine, callback?: Uint8Array): JitRunVerdict {
    if (line.note === 'tail-call target') this.#tailCallTarget = line;
    const pages = line.arena_user === undefined ? [undefined] : [this.#arenaPage, undefined];
    const targets = line.maps.some(({ type }) => type === PROGRAM_ARRAY)
      ? [undefined, this.#tailCallTarget]
      : [undefined];
    const host = { machine, packet: this.#packet };
    const verdicts: JitRunVerdict[] = [];
    for (const tailCallTarget of targets) {
      for (const arenaPage of pages) {
        const verdict = runRecord(line, host, { arenaPage, tailCallTarget, callback });
        if (verdict.kind === 'equal') {
          this.#arenaPage = verdict.arenaPage ?? this.#arenaPage;
          return verdict;
        }
        verdicts.push(verdict);
      }
    }
    if (targets.length > 1 && this.#tailCallTarget === undefined)
      return skip('the programs in its program array are not recorded');
    return verdicts.at(-1)!;
  }
}

type Decided = Omit<Unstated, 'filler'>;

function runRecord(line: JitRecord, host: JitHost, decided: Decided): JitRunVerdict {
  if (line.ret === undefined || line.ret === null) return skip('the recording has no test run');
  const first = interpret(line, host, { ...decided, filler: FILLERS[0] });
  if (first.skipped !== undefined) return skip(first.skipped);
  if (first.isLong) return skip(`its run takes more than ${LIMIT} instructions`);
  const second = interpret(line, host, { ...decided, filler: FILLERS[1] });
  if (JSON.stringify(first.outcome) !== JSON.stringify(second.outcome)) {
    return skip('the result depends on memory the recording does not state');
  }
  const wrong = differenceFrom(line, first.outcome);
  if (wrong !== undefined) {
    const known = line.prog_type === SYSCALL_PROGRAM;
    if (!known && first.outcome.end !== undefined) return skip('it reads kernel objects the recording does not state');
    return { kind: 'different', by: 'interpreter', ...wrong };
  }
  const processed = process(line, host, { ...decided, filler: FILLERS[0] });
  const wrongCode = differenceFrom(line, processed.outcome);
  if (wrongCode !== undefined) return { kind: 'different', by: 'CPU', ...wrongCode };
  return { kind: 'equal', performed: first.performed, retired: processed.performed, arenaPage: processed.arenaPage };
}

/** What can be seen of a run: r0, or why there is none, and the context's bytes. */
interface Outcome {
  readonly value: string | undefined;
  readonly end: string | undefined;
  readonly context: string;
}

interface Run {
  readonly outcome: Outcome;
  readonly performed: number;
  readonly skipped?: string | undefined;
  /** It was not over after the limit. */
  readonly isLong?: boolean;
  /** The arena's first page as the run left it. */
  readonly arenaPage?: Uint8Array | undefined;
}

function interpret(line: JitRecord, host: JitHost, unstated: Unstated): Run {
  const surroundings = jitMemory(line, host, unstated);
  const { tailCallTarget } = unstated;
  const { auxiliaryRegister, arenaFixup } = host.machine.behaviour;
  const interpreter = new Interpreter(programOf(line, host), {
    ...surroundings,
    auxiliaryRegister,
    clearsFaultedAtomics: arenaFixup === 'report-direction',
    tailCallTarget: () => (tailCallTarget === undefined ? undefined : programOf(tailCallTarget, host)),
  });
  const stop = interpreter.run([surroundings.context], LIMIT);
  const skipped = stop.kind === 'unknown-call' ? `${stop.name} is not modelled` : undefined;
  const outcome = {
    value: stop.kind === 'exit' ? hex(stop.value & 0xffff_ffffn) : undefined,
    end: stop.kind === 'exit' ? undefined : describeStop(stop),
    context: contextText(line, surroundings),
  };
  return { outcome, performed: interpreter.performed, skipped, isLong: stop.kind === 'out-of-fuel' };
}

function process(line: JitRecord, host: JitHost, unstated: Unstated): Run {
  const surroundings = jitMemory(line, host, unstated);
  const run = new NativeRun(recordedCode(line, host, unstated.tailCallTarget), surroundings);
  const end = run.call([surroundings.context], LIMIT);
  const outcome = {
    value: end.kind === 'returned' ? hex(end.value & 0xffff_ffffn) : undefined,
    end: end.kind === 'returned' ? undefined : describeEnd(end),
    context: contextText(line, surroundings),
  };
  const { arena, memory } = surroundings;
  const page = arena && memory.read(arena.kernelStart + (arena.userStart & 0xffff_ffffn), 4096);
  return { outcome, performed: run.retired, arenaPage: page };
}

function describeEnd(end: NativeEnd): string {
  return JSON.stringify(end, (_, value: unknown) => (typeof value === 'bigint' ? hex(value) : value));
}

/** Only programs of type SYSCALL give their context back. */
function contextText(line: JitRecord, { memory, context, contextLength }: JitMemory): string {
  if (line.prog_type !== SYSCALL_PROGRAM) return '';
  return toHex(memory.read(context, contextLength));
}

/** How an outcome differs from the recorded one. */
function differenceFrom(line: JitRecord, outcome: Outcome): RunDifference | undefined {
  const returned = outcome.value ?? outcome.end!;
  if (returned !== hex(line.ret!)) return { field: 'ret', expected: hex(line.ret!), actual: returned };
  if (line.prog_type !== SYSCALL_PROGRAM) return undefined;
  const expected = contextBytes(line, FILLERS[0]);
  if (line.ctx_diff !== undefined) expected.set(line.ctx_diff.bytes, line.ctx_diff.off);
  const found = fromHex(outcome.context)!;
  if (bytesEqual(expected, found)) return undefined;
  const at = expected.findIndex((byte, index) => byte !== found[index]);
  const byte = (value: number) => `${hex(value)} at byte ${at}`;
  return { field: 'ctx_diff', expected: byte(expected[at]!), actual: byte(found[at]!) };
}

function skip(reason: string): JitRunVerdict {
  return { kind: 'not-comparable', reason };
}

/** The program as the JIT got it: call targets are addresses relative to a base, functions have recorded addresses. */
function programOf(line: JitRecord, host: JitHost): Program {
  const instructions = decodeInstructions(jitInput(line)) ?? [];
  return {
    instructions,
    resolveCall: (instruction, index) => callTarget(line, host, instruction, index),
    functionAt: (address) => line.funcs.find(({ addr }) => addr === address)?.start,
    exceptionCallback: line.exception_cb === undefined ? undefined : instructions.length - 2,
  };
}

/** A call inside the program keeps its original relative offset, whatever its immediate became. */
function callTarget(
  line: JitRecord,
  host: JitHost,
  { src, immediate, offset }: Instruction,
  index: number,
): CallTarget {
  if (src === Callee.FUNCTION) return { kind: 'function', start: index + 1 + offset };
  const called = line.calls.find(({ imm }) => imm === immediate);
  if (called === undefined) return { kind: 'unknown', name: `a function ${hex(immediate)} from __bpf_call_base` };
  return { kind: 'helper', name: called.sym, helper: recordedHelper(called.sym, host) };
}
