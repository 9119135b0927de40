import { boolean, integer, oneOf } from '../language/argument.ts';
import type { ArenaWorld } from '../model/arena-world.ts';
import { NO_NODE, NULL } from '../model/bpf/arena-allocator.ts';
import { BPF_F_MMAPABLE, BPF_F_NO_USER_CONV } from '../model/bpf/arena-attributes.ts';
import type { ArenaProgram } from '../model/bpf/arena-program.ts';
import type { ArenaMapping } from '../model/bpf/arena-user-side.ts';
import { MAP_FIXED, MAP_SHARED, mapMemory } from '../model/kernel/user-memory/map-memory.ts';
import type { Process } from '../model/kernel/user-memory/process.ts';
import { readUserMemory, writeUserMemory } from '../model/kernel/user-memory/user-access.ts';

/** Arguments of an operation that opens a scene. */
export const sceneArguments = {
  slots: integer({ min: 1, max: 64, default: 4, typical: ({ random }) => random.between(2, 32) }),
  start: oneOf(['page', 'aligned', 'ends-at-4g'], { default: 'page' }),
  no_user_conv: boolean({ default: false, probability: 0.2 }),
};

const starts = { page: 0x4800_0000_2000n, aligned: 0x4801_0000_0000n, 'ends-at-4g': 0x4803_0000_0000n } as const;

interface SceneShape {
  readonly slots: number;
  readonly start: keyof typeof starts;
  readonly no_user_conv: boolean;
}

/** One arena that one process maps and one program uses: what the use cases of bpf_arena have in common. */
export class ArenaScene {
  readonly mapping: ArenaMapping;
  readonly process: Process;
  readonly program: ArenaProgram;
  readonly #world: ArenaWorld;

  constructor(world: ArenaWorld, mapping: ArenaMapping, process: Process, program: ArenaProgram) {
    this.#world = world;
    this.mapping = mapping;
    this.process = process;
    this.program = program;
  }

  get base(): bigint {
    return this.mapping.arena.userStart;
  }

  /** Eight bytes as the program reads them; 0 where no page is. */
  load(pointer: bigint): bigint {
    return this.program.load({ pointer, offset: 0, size: 8 }).value as bigint;
  }

  store(pointer: bigint, value: bigint): void {
    this.program.store({ pointer, offset: 0, size: 8 }, value);
  }

  /** Eight bytes as user space reads them; undefined where it would get a signal. */
  read(address: bigint): bigint | undefined {
    const bytes = readUserMemory(this.process, address, 8);
    return typeof bytes === 'string' || bytes.length < 8
      ? undefined
      : new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
  }

  write(address: bigint, value: bigint): boolean {
    const bytes = new Uint8Array(8);
    new DataView(bytes.buffer).setBigUint64(0, value, true);
    return writeUserMemory(this.process, address, bytes) === 8;
  }

  /** bpf_arena_alloc_pages() anywhere: the address, or undefined. */
  allocate(count: number): bigint | undefined {
    const request = { address: 0n, count, node: NO_NODE, flags: 0n, sleepable: true };
    const answer = this.#world.arenas.allocator.allocate(this.mapping.arena, request);
    return answer === NULL || answer === 'oops' ? undefined : answer;
  }

  free(address: bigint, count: number): void {
    this.#world.arenas.frees.free(this.mapping.arena, address, count, true);
  }

  /** Maps the arena again where it was, in place of itself. */
  map(): boolean {
    const { arena } = this.mapping;
    const length = BigInt(arena.attributes.maxEntries) * 4096n;
    const request = { address: this.base, length, protection: 3, flags: MAP_SHARED | MAP_FIXED, offset: 0n };
    return typeof mapMemory(this.process, this.mapping, request) !== 'string';
  }
}

/** A fresh scene; page 0 is touched by user space first, as libbpf does when it copies global data. */
export function openScene(
  world: ArenaWorld,
  { slots, start, no_user_conv: plain }: SceneShape,
): ArenaScene | undefined {
  const end = start === 'ends-at-4g' ? BigInt(slots) * 4096n : 0n;
  const mapping = world.arenas.create({
    flags: BPF_F_MMAPABLE | (plain ? BPF_F_NO_USER_CONV : 0),
    maxEntries: slots,
    mapExtra: starts[start] - end,
    keySize: 0,
    valueSize: 0,
  });
  if (typeof mapping === 'string') return undefined;
  const program = world.arenas.loadProgram(mapping.arena, world.machine.cpu(0));
  if (typeof program === 'string') return undefined;
  const scene = new ArenaScene(world, mapping, world.newProcess(), program);
  return scene.map() && scene.write(scene.base, 0n) ? scene : undefined;
}
