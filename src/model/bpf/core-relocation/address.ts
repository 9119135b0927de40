/**
 * Puts the addresses of maps and kernel symbols into a linked program (libbpf.c:bpf_object__relocate_data()). A direct
 * load knows file descriptors and kernel ids; a light skeleton writes map indexes and leaves the rest to its loader.
 */
import { ProgramImage } from './image.ts';
import type { LinkedProgram } from './link.ts';
import type { BpfObject } from './object.ts';

/** Source register values of 64-bit loads and calls (BPF_PSEUDO_*). */
const PSEUDO = { mapFd: 1, mapValue: 2, btfId: 3, mapIndex: 5, mapIndexValue: 6, kernelFunction: 2 } as const;

/** Where a weak kernel function that does not exist would have been called: this number plus its place among the externs. */
const POISON_KERNEL_CALL = 2002000000;

/** What only the machine that loads can say. */
export interface Addresses {
  /** File descriptor of a map. */
  readonly mapFd: (map: number) => number;
  /** BTF id of a typed kernel symbol, or undefined where the kernel has none. */
  readonly kernelId: (extern: number) => number | undefined;
}

/** The image with all addresses in it: those of this machine, or, for `light-skeleton`, what its loader will replace. */
export function addressed(
  object: BpfObject,
  linked: LinkedProgram,
  addresses: Addresses | 'light-skeleton',
): Uint8Array {
  const image = ProgramImage.copyOf(linked.image);
  const light = addresses === 'light-skeleton';
  for (const relocation of linked.relocations) {
    const { index } = relocation;
    switch (relocation.kind) {
      case 'map':
        image.setSource(index, light ? PSEUDO.mapIndex : PSEUDO.mapFd);
        image.setImmediate(index, light ? relocation.map : addresses.mapFd(relocation.map));
        break;
      case 'data':
        image.setImmediate(index + 1, image.immediate(index) + relocation.symbolOffset);
        image.setSource(index, light ? PSEUDO.mapIndexValue : PSEUDO.mapValue);
        image.setImmediate(index, light ? relocation.map : addresses.mapFd(relocation.map));
        break;
      case 'extern-load': {
        const id = light
          ? object.externs[relocation.extern]?.typed
            ? 0
            : undefined
          : addresses.kernelId(relocation.extern);
        if (id !== undefined) image.setSource(index, PSEUDO.btfId);
        image.setImmediate(index, id ?? 0);
        image.setImmediate(index + 1, 0);
        break;
      }
      case 'extern-call': {
        const id = light ? 0 : addresses.kernelId(relocation.extern);
        image.setSource(index, id === undefined ? 0 : PSEUDO.kernelFunction);
        image.setImmediate(index, id ?? POISON_KERNEL_CALL + relocation.extern);
        break;
      }
      default:
    }
  }
  return image.bytes;
}
