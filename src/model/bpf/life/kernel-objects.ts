/**
 * Where the kernel keeps what running programs touch beside their text: stacks, contexts, a program array, descriptors of
 * programs (struct bpf_prog). All lie in one 2 MiB block of the direct map. Kernel text that programs enter is at fixed places
 * of the image: helpers in a row behind __bpf_call_base, of which only the entry is there, as an int3 that the model answers;
 * the return thunk and the thunk for indirect jumps, as the shortest code that does what they do.
 */
import { assert } from '../../../base/assert.ts';
import { pageOfText, textAddress } from '../../kernel/text-address.ts';
import { addressOf, type JitMachine, type KernelAddress } from '../jit/machine.ts';
import type { ProgramSurroundings } from './surroundings.ts';

/** Four times THREAD_SIZE: the verifier bounds the depth of calls and tail calls together, which is left out here. */
const STACK_PAGES = 16;
/** Stacks and contexts have room for as many. */
export const MOST_CPUS = 16;
const CONTEXT_PAGE = 256;
const ARRAY_PAGE = 320;
const DESCRIPTOR_PAGE = 321;
const LAST_PAGE = 511;
/** Bytes of one struct bpf_prog as far as machine code looks into it. */
const DESCRIPTOR_BYTES = 128;

/** Bytes of context that a run has. */
export const CONTEXT_BYTES = 64;

export class KernelObjects {
  readonly #world: ProgramSurroundings;
  readonly #firstFrame: number;

  constructor(world: ProgramSurroundings) {
    this.#world = world;
    const first = world.machine.memory.allocateBlock('slab');
    assert(first !== undefined, 'a fresh machine has 2 MiB to spare');
    this.#firstFrame = first;
    for (let frame = first; frame <= first + LAST_PAGE; frame++) world.machine.memory.frame(frame).fillAll(0);
  }

  /** Just above the stack of a CPU. */
  stackTop(cpu: number): bigint {
    return this.#address((cpu + 1) * STACK_PAGES);
  }

  /** Whether the frame holds a stack, of which only the program that runs knows what it means. */
  isStack(frame: number): boolean {
    return frame >= this.#firstFrame && frame < this.#firstFrame + CONTEXT_PAGE;
  }

  context(cpu: number): bigint {
    return this.#address(CONTEXT_PAGE + cpu);
  }

  writeContext(cpu: number, bytes: Uint8Array): void {
    this.#frame(CONTEXT_PAGE + cpu).write(0, bytes);
  }

  get array(): bigint {
    return this.#address(ARRAY_PAGE);
  }

  writeArray(offset: number, bytes: Uint8Array): void {
    this.#frame(ARRAY_PAGE).write(offset, bytes);
  }

  /** The struct bpf_prog of the n-th descriptor. */
  descriptor(number: number): bigint {
    return this.#address(DESCRIPTOR_PAGE) + BigInt(number * DESCRIPTOR_BYTES);
  }

  writeDescriptor(number: number, offset: number, bytes: Uint8Array): void {
    const at = number * DESCRIPTOR_BYTES + offset;
    this.#frame(DESCRIPTOR_PAGE + Math.floor(at / 4096)).write(at % 4096, bytes);
  }

  /** How many programs can have descriptors at a time. */
  get descriptorCount(): number {
    return ((LAST_PAGE - DESCRIPTOR_PAGE) * 4096) / DESCRIPTOR_BYTES;
  }

  #address(page: number): bigint {
    return BigInt(this.#world.directMap.pageOf(this.#firstFrame + page)) * 4096n;
  }

  #frame(page: number) {
    return this.#world.machine.memory.frame(this.#firstFrame + page);
  }
}

/** Where this machine has what JITed code jumps to: in the text and data of its image. */
export function imagePlaces({
  image,
}: ProgramSurroundings): Record<'callBase' | 'returnThunk' | 'jumpThunk' | 'callDepth', KernelAddress> {
  const page = (index: number) => textAddress(image.text.first + index);
  return {
    callBase: page(16),
    returnThunk: page(24),
    jumpThunk: page(24) + 64,
    callDepth: textAddress(image.data.first + 1),
  };
}

/** Writes the kernel text that programs can reach. Call it while the image is still writable, that is while it is built. */
export function writeKernelText(world: ProgramSurroundings, jit: JitMachine): void {
  const { image, machine } = world;
  for (let page = image.text.first; page < image.text.end; page++) {
    machine.memory.frame(image.frameOfPage(page)).fillAll(INT3);
  }
  const write = (address: KernelAddress, code: Uint8Array) =>
    machine.memory.frame(image.frameOfPage(pageOfText(address))).write(Number(addressOf(address) & 0xfffn), code);
  if (jit.returnThunk !== undefined) write(jit.returnThunk, Uint8Array.of(0xc3));
  if (jit.indirectJump.kind === 'thunk') write(jit.indirectJump.address, Uint8Array.of(0xff, 0xe1));
}

const INT3 = 0xcc;

/** What a word is in memory. */
export function wordBytes(word: bigint): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, word, true);
  return bytes;
}
