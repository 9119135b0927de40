import fc from 'fast-check';
import iced from 'iced-x86';
import { describe, expect, it } from 'vitest';
import {
  Callee,
  Class,
  encodeInstructions,
  instruction,
  Jump,
  WideSource,
  wideLoad,
} from '../../src/model/bpf/instruction.ts';
import { compile } from '../../src/model/bpf/jit/compile.ts';
import { addressOf, cfiOffset, kernelAddress } from '../../src/model/bpf/jit/machine.ts';
import type { JitFunction } from '../../src/model/bpf/jit/program.ts';
import { machines, programOf } from './programs.ts';

const exit = instruction(Class.JMP | Jump.EXIT);
const call = instruction(Class.JMP | Jump.CALL, { src: Callee.FUNCTION, immediate: 1 });

/** A function that calls each callee in turn, loads the address of the first, and returns. */
function caller(callees: readonly number[]): JitFunction {
  const slots = [...callees.map(() => call), ...wideLoad(6, 0n, WideSource.FUNCTION), exit];
  const links = callees.map((callee, slot) => ({ slot, callee }));
  const load = { slot: callees.length, callee: callees[0] ?? 0 };
  return { ...programOf([]).functions[0]!, code: encodeInstructions(slots), links: [...links, load] };
}

/** Where the direct calls of a function go. */
function callTargets(code: Uint8Array, address: bigint): bigint[] {
  const decoder = new iced.Decoder(64, code, iced.DecoderOptions.None);
  decoder.ip = address;
  const targets: bigint[] = [];
  while (decoder.canDecode) {
    const x86 = decoder.decode();
    if (x86.isCallNear) targets.push(x86.nearBranchTarget);
    x86.free();
  }
  decoder.free();
  return targets;
}

describe('the functions of a program', () => {
  it('call each other, and know addresses, where they were placed', () => {
    const callGraph = fc
      .integer({ min: 2, max: 5 })
      .chain((count) =>
        fc.array(fc.array(fc.nat(count - 1), { maxLength: 4 }), { minLength: count, maxLength: count }),
      );
    fc.assert(
      fc.property(callGraph, machines, (graph, machine) => {
        let next = kernelAddress(0xffffffffc0200600n);
        const place = (_: number, length: number) => {
          const address = next;
          next += (length + 63) & ~63;
          return address;
        };
        const program = { ...programOf([]), functions: graph.map(caller) };
        const result = compile(program, machine, place);
        if (result.kind === 'refused') throw new Error(result.reason);
        const entries = result.functions.map(({ address }) => addressOf(address + cfiOffset(machine)));
        result.functions.forEach(({ code, address, lineMap }, index) => {
          const callees = graph[index]!;
          expect(callTargets(code, addressOf(address))).toEqual(callees.map((callee) => entries[callee]));
          const loaded = new DataView(code.buffer, code.byteOffset).getInt32(
            lineMap[callees.length]! + (machine.behaviour.loadsSignExtended ? 3 : 2),
            true,
          );
          expect(addressOf(loaded)).toBe(entries[callees[0] ?? 0]);
        });
      }),
      { seed: 12 },
    );
  });
});
