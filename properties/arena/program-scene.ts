import { bootArenaWorld } from '../../src/lab/boot-arena-world.ts';
import type { ArenaWorld } from '../../src/model/arena-world.ts';
import { NO_NODE, NULL } from '../../src/model/bpf/arena-allocator.ts';
import { BPF_F_MMAPABLE } from '../../src/model/bpf/arena-attributes.ts';
import type { ArenaProgram } from '../../src/model/bpf/arena-program.ts';
import type { ArenaMapping } from '../../src/model/bpf/arena-user-side.ts';

/** An arena with a program, its base at `start` unless that is 0. */
export class Scene {
  readonly world: ArenaWorld;
  readonly mapping: ArenaMapping;
  readonly program: ArenaProgram;

  constructor(kernel: string, slots: number, start: bigint, flags = 0) {
    this.world = bootArenaWorld(kernel, { memory: '512' });
    const shape = { maxEntries: slots, mapExtra: start, keySize: 0, valueSize: 0 };
    const created = this.world.arenas.create({ flags: BPF_F_MMAPABLE | flags, ...shape });
    if (typeof created === 'string') throw new Error(created);
    const program = this.world.arenas.loadProgram(created.arena, this.world.machine.cpu(0));
    if (typeof program === 'string') throw new Error(program);
    this.mapping = created;
    this.program = program;
  }

  get arena() {
    return this.mapping.arena;
  }

  /** The slot that an allocation returns, or NULL. */
  alloc(count: number, address = 0n, sleepable = true): number | 'NULL' {
    const request = { address, count, node: NO_NODE, flags: 0n, sleepable };
    const answer = this.world.arenas.allocator.allocate(this.arena, request) as bigint;
    return answer === NULL ? 'NULL' : Number((answer - this.arena.userStart) >> 12n);
  }

  free(slot: number, count: number, sleepable = true): void {
    this.world.arenas.frees.free(this.arena, this.at(slot), count, sleepable);
  }

  reserve(slot: number, count: number, byte = 0n): number | string {
    return this.world.arenas.allocator.reserve(this.arena, this.at(slot) + byte, count);
  }

  at(slot: number): bigint {
    return this.arena.userStart + BigInt(slot) * 4096n;
  }

  load(pointer: bigint, offset = 0): bigint | undefined {
    return this.program.load({ pointer, offset, size: 8 }).value;
  }

  store(pointer: bigint, value: bigint, offset = 0): void {
    this.program.store({ pointer, offset, size: 8 }, value);
  }

  get freeRuns(): [number, number][] {
    return [...this.arena.free.runs()].map(({ first, last }) => [first, last]);
  }
}
