import { describe, expect, it } from 'vitest';
import { performJitRecording } from '../../src/conform/jit-recording.ts';
import { Callee, Class, instruction, Jump, Mode, Size } from '../../src/model/bpf/instruction.ts';
import { compile } from '../../src/model/bpf/jit/compile.ts';
import { type JitDecisions, SOUND_DECISIONS } from '../../src/model/bpf/jit/decisions.ts';
import { type JitMachine, PLAIN_MACHINE } from '../../src/model/bpf/jit/machine.ts';
import { JIT_BEHAVIOUR, type JitBehaviour } from '../../src/model/bpf/jit/profile.ts';
import type { JitProgram } from '../../src/model/bpf/jit/program.ts';
import { IMAGE, programOf } from './programs.ts';
import { readRecording } from './recordings.ts';

const exit = instruction(Class.JMP | Jump.EXIT);
const host = readRecording('jit-6.18.jsonl.gz');
const counted = readRecording('kernels/jit-6.18.15-calldepth.jsonl.gz');

/** How many recorded programs of a class come out otherwise when the machine decides or behaves so. */
function noticing(
  { lines, meta }: typeof host,
  cls: string,
  decisions: Partial<JitDecisions>,
  behaviour: Partial<JitBehaviour> = {},
): number {
  const alter = (machine: JitMachine) => ({
    ...machine,
    decisions: { ...machine.decisions, ...decisions },
    behaviour: { ...machine.behaviour, ...behaviour },
  });
  const ofClass = lines.filter((line) => line.cls === cls);
  return performJitRecording(ofClass, meta, alter).failed;
}

describe('the recordings notice a JIT that', () => {
  it('stores sil and dil without a REX prefix', () => {
    expect(noticing(host, 'mem', { byteNeedsRex: (register) => register > 7 })).toBeGreaterThan(0);
  });

  it('lets a fetching loop use rax although cmpxchg changes it', () => {
    expect(noticing(host, 'atomic', { fetchOperand: (register) => register })).toBeGreaterThan(0);
  });

  it('names the checks of a probing load in its exception entry', () => {
    expect(noticing(host, 'probe_mem', { faultingOffset: ({ start }) => start })).toBeGreaterThan(200);
  });

  it('skips a probing load as if it began with its checks', () => {
    expect(noticing(host, 'probe_mem', { skippedBytes: ({ start, end }) => end - start })).toBeGreaterThan(200);
  });

  it('counts the displacement of a call from the accounting in front of it', () => {
    expect(noticing(counted, 'helper', { callOffset: ({ start }) => start })).toBeGreaterThan(20);
  });

  it('never pads jumps', () => {
    expect(noticing(host, 'relax', { passes: { most: 20, firstPadded: 20 } })).toBeGreaterThan(0);
  });

  it('uses short jumps as far as their encoding reaches', () => {
    expect(noticing(host, 'relax', {}, { shortJumpReach: 127 })).toBeGreaterThan(0);
  });

  it('counts tail calls by value', () => {
    expect(noticing(host, 'tailcall', {}, { tailCallCounter: 'by-value' })).toBeGreaterThan(20);
  });

  it('takes the vsyscall page for kernel memory', () => {
    expect(noticing(host, 'probe_mem', {}, { probeCheck: 'above-user-limit' })).toBeGreaterThan(200);
  });

  it('behaves as another kernel whose code differs, and only then', () => {
    expect(noticing(host, 'atomic', {}, JIT_BEHAVIOUR['6.19'])).toBe(0);
    expect(noticing(host, 'atomic', {}, JIT_BEHAVIOUR['7.0'])).toBeGreaterThan(0);
    expect(noticing(host, 'atomic', {}, JIT_BEHAVIOUR['6.1'])).toBeGreaterThan(800);
  });
});

describe('what no recording shows, since the verifier or the recording hides it', () => {
  const codeFor = (program: JitProgram, decisions: JitDecisions) => {
    const result = compile(program, { ...PLAIN_MACHINE, decisions }, () => IMAGE);
    if (result.kind === 'refused') throw new Error(result.reason);
    return Buffer.from(result.functions[0]!.code).toString('hex');
  };

  it('is that the lowest byte of the frame pointer is bpl, not ch', () => {
    const program = programOf([instruction(Class.STX | Mode.MEM | Size.B, { dst: 10, src: 10, offset: -8 }), exit]);
    expect(codeFor(program, SOUND_DECISIONS)).toContain('40886df8');
    const forgotten = { ...SOUND_DECISIONS, byteNeedsRex: (register: number) => register > 5 };
    expect(codeFor(program, forgotten)).toContain('00886df8');
  });

  it('is that a call finds the tail-call counter below a stack that is rounded up', () => {
    const call = instruction(Class.JMP | Jump.CALL, { src: Callee.FUNCTION, immediate: 64 });
    const program = programOf([call, exit], { stackDepth: 1, tailCallReachable: true });
    expect(codeFor(program, SOUND_DECISIONS)).toContain('488b85e8ffffff');
    const unrounded = { ...SOUND_DECISIONS, counterDistance: ({ stackDepth }: { stackDepth: number }) => stackDepth };
    expect(codeFor(program, unrounded)).toContain('488b85efffffff');
  });
});
