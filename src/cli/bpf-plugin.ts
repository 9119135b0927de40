import { hex } from '../base/word.ts';
import { runProgram } from '../conform/program-run.ts';
import { InputError } from '../language/input-error.ts';
import { bytesOfHex, programOfHex } from './bpf-program.ts';
import { ALL_WELL, FOUND_SOMETHING } from './exit-codes.ts';
import { type MachineOptions, machineOf, machineOptions } from './jit-machine-options.ts';
import { type ModeOptions, modeOf, modeOptions } from './run-mode.ts';
import type { Verb } from './verb.ts';

interface PluginOptions extends ModeOptions, MachineOptions {
  readonly program?: string;
}

/** The protocol is that of plugins of the public bpf_conformance runner. */
export const bpfPluginVerb: Verb = {
  name: 'bpf-plugin',
  does: 'runs one BPF program for the bpf_conformance runner: program bytes on standard input, r0 on standard output',
  words: [
    { syntax: '[memory]', does: 'bytes in hexadecimal: r1 points to them, r2 is their number' },
    { syntax: '[empty]', does: 'the empty word that the runner passes where it has no options for the plugin' },
  ],
  options: [
    { syntax: '--program <hex>', does: 'the program, instead of standard input' },
    ...modeOptions,
    ...machineOptions,
  ],
  async act(desk, [memory = '', rest = ''], options: PluginOptions) {
    if (rest !== '') throw new InputError(`"${rest}" stands where only an empty word may stand`);
    const program = programOfHex(options.program ?? desk.surroundings.input());
    const result = runProgram(program, bytesOfHex(memory, 'the memory'), modeOf(options), machineOf(options));
    if (result.kind === 'failed') {
      desk.complain(result.reason);
      return { exitCode: FOUND_SOMETHING, document: { error: { message: result.reason } } };
    }
    desk.say(result.value.toString(16));
    return { exitCode: ALL_WELL, document: { r0: hex(result.value) } };
  },
};
