/** Programs from their text, in a world of their own. */
import { bootWholeWorld } from '../../src/lab/boot-whole-world.ts';
import { parseAssembly } from '../../src/model/bpf/assembly-parse.ts';
import type { Instruction } from '../../src/model/bpf/instruction.ts';
import type { BpfProgram } from '../../src/model/bpf/life/bpf-program.ts';
import type { WholeWorld } from '../../src/model/whole-world.ts';

export function assembled(text: string): readonly Instruction[] {
  const parsed = parseAssembly(text);
  if (parsed.kind === 'error') throw new Error(`${parsed.line}:${parsed.column}: ${parsed.message}`);
  return parsed.instructions;
}

/** A world with one arena, of which the first `pages` pages are there. */
export function worldWithArena(kernel: string, pages = 0): WholeWorld {
  const world = bootWholeWorld(kernel);
  const shape = { flags: 0x400, maxEntries: 4, mapExtra: 0x4800_0000_2000n, keySize: 0, valueSize: 0 };
  const mapping = world.arenas.create(shape);
  if (typeof mapping === 'string') throw new Error(mapping);
  const request = { address: mapping.arena.addressOf(0), count: pages, node: -1, flags: 0n, sleepable: true };
  if (pages > 0) world.arenas.allocator.allocate(mapping.arena, request);
  return world;
}

export function load(world: WholeWorld, text: string, options: { readonly arena?: boolean } = {}) {
  const arena = options.arena === true ? world.arenas.live[0]!.arena : undefined;
  return world.programs.load({ author: assembled(text), arena, blinded: false });
}

/** Loads a program and brings it to where it can be run. */
export function live(world: WholeWorld, text: string, options: { readonly arena?: boolean } = {}): BpfProgram {
  const program = load(world, text, options);
  if (!('state' in program)) throw new Error(`${program.index}: ${program.message}`);
  if (world.programs.compile(program, { random: 3, capable: true, cpu: 0 }) !== '0') throw new Error('not compiled');
  world.programs.finalize(program, 0);
  return program;
}
