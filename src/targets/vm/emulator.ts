import { accessSync, constants, readFileSync } from 'node:fs';
import { BLACK_BOX_BYTES } from '../live/black-box.ts';

/** How a guest is to be made. */
export interface GuestMachine {
  readonly kernel: string;
  readonly initramfs: string;
  readonly accelerator: Accelerator;
  /** A CPU model of QEMU with its features, as in `max,la57=off`. */
  readonly cpu: string;
  readonly cpus: number;
  /** In MiB. */
  readonly memory: number;
  /** The value of the kernel's `mitigations=`. */
  readonly mitigations: string;
  /** More parameters for the kernel. */
  readonly parameters: readonly string[];
  /** Files that the emulator writes: what the kernel prints, and the black box. */
  readonly console: string;
  readonly blackBox: string;
  /** The program and its words that become the guest's first process. */
  readonly init: readonly [program: string, ...words: string[]];
}

export type Accelerator = 'kvm' | 'tcg';

export const EMULATOR = 'qemu-system-x86_64';

/**
 * The words behind the emulator's name. The first serial port is the kernel's console; the second one is the standard input and output of
 * the emulator (see guest-link.ts). Both work in kernels without any module. A reset, which is what follows a panic too,
 * ends the emulator.
 */
export function emulatorWords(machine: GuestMachine): readonly string[] {
  const [program, ...words] = machine.init;
  const parameters = [
    'console=ttyS0',
    // Five shows warnings, with which harm begins.
    'loglevel=5',
    'panic=-1',
    'oops=panic',
    `mitigations=${machine.mitigations}`,
    ...machine.parameters,
    `rdinit=${program}`,
    '--',
    ...words,
  ];
  return [
    ...['-accel', machine.accelerator === 'kvm' ? 'kvm' : 'tcg,thread=multi,tb-size=512'],
    ...['-cpu', machine.cpu],
    ...['-machine', 'q35', '-smp', String(machine.cpus), '-m', String(machine.memory)],
    ...['-nodefaults', '-no-user-config', '-display', 'none', '-no-reboot'],
    ...['-kernel', machine.kernel, '-initrd', machine.initramfs, '-append', parameters.join(' ')],
    ...['-chardev', `file,id=console,path=${machine.console}`, '-serial', 'chardev:console'],
    ...['-chardev', 'stdio,id=link,signal=off', '-serial', 'chardev:link'],
    ...['-object', `memory-backend-file,id=box,share=on,mem-path=${machine.blackBox},size=${BLACK_BOX_BYTES}`],
    ...['-device', 'ivshmem-plain,memdev=box'],
  ];
}

/** What the device with the black box is on the guest's PCI bus; its memory is the third of its resources. */
export const BLACK_BOX_DEVICE = { vendor: 0x1af4, device: 0x1110, resource: 'resource2' } as const;
/** The guest's end of its link to the host. */
export const LINK_DEVICE = '/dev/ttyS1';

/**
 * Chooses between the CPU's own virtualisation and translation. KVM without VMX or SVM below it emulates the guest's kernel instruction by
 * instruction, and knows too few of them.
 */
export function chooseAccelerator(): { readonly accelerator: Accelerator; readonly why: string } {
  try {
    accessSync('/dev/kvm', constants.R_OK | constants.W_OK);
  } catch {
    return { accelerator: 'tcg', why: '/dev/kvm cannot be opened' };
  }
  const flags = /^flags\s*:(.*)$/m.exec(readFileSync('/proc/cpuinfo', 'latin1'))?.[1]?.split(' ') ?? [];
  if (flags.includes('vmx') || flags.includes('svm')) return { accelerator: 'kvm', why: 'the CPU virtualises' };
  return { accelerator: 'tcg', why: 'there is /dev/kvm, but the CPU has neither VMX nor SVM' };
}

/**
 * The release that an image of the kernel says it is (Documentation/arch/x86/boot.rst: `HdrS` at 0x202, a pointer to the text at
 * 0x20e, counted from 0x200); undefined for what is no such image.
 */
export function releaseOfImage(image: Uint8Array): string | undefined {
  const bytes = Buffer.from(image.buffer, image.byteOffset, image.byteLength);
  if (bytes.length < 0x400 || bytes.toString('latin1', 0x202, 0x206) !== 'HdrS') return undefined;
  const at = 0x200 + bytes.readUInt16LE(0x20e);
  const text = bytes.toString('latin1', at, at + 256);
  return /^[^\s\0]+/.exec(text)?.[0];
}
