import { unreachable } from '../../base/assert.ts';
import { hex } from '../../base/word.ts';

/** How a program ended. `at` is the index of the instruction it ended at. */
export type InterpreterStop =
  | { readonly kind: 'exit'; readonly value: bigint }
  | {
      readonly kind: 'memory-fault';
      readonly at: number;
      readonly address: bigint;
      readonly size: number;
      readonly write: boolean;
    }
  | { readonly kind: 'out-of-fuel'; readonly at: number }
  | { readonly kind: 'calls-too-deep'; readonly at: number; readonly limit: number }
  | { readonly kind: 'unknown-instruction'; readonly at: number; readonly opcode: number }
  | { readonly kind: 'unknown-call'; readonly at: number; readonly name: string }
  | { readonly kind: 'left-program'; readonly at: number };

/** One sentence for people. */
export function describeStop(stop: InterpreterStop): string {
  switch (stop.kind) {
    case 'exit':
      return `the program returned ${hex(stop.value)}`;
    case 'memory-fault':
      return `instruction ${stop.at} ${stop.write ? 'writes' : 'reads'} ${stop.size} byte(s) at ${hex(stop.address)}, where it may not`;
    case 'out-of-fuel':
      return `instruction ${stop.at} was not performed: the program has used up the steps it was given`;
    case 'calls-too-deep':
      return `instruction ${stop.at} calls deeper than ${stop.limit} functions`;
    case 'unknown-instruction':
      return `instruction ${stop.at} has opcode ${hex(stop.opcode)} with fields that mean nothing`;
    case 'unknown-call':
      return `instruction ${stop.at} calls ${stop.name}, which is not modelled`;
    case 'left-program':
      return `the program ran past its end to instruction ${stop.at}`;
    default:
      return unreachable(stop);
  }
}
