/** A recorded program as machine code that can be called: the kernel functions it calls, its exception entries. */
import { readExceptionEntry } from '../model/bpf/exception-fixup.ts';
import { tailCallOffset } from '../model/bpf/jit/tail-call.ts';
import { HELPERS, type Helper } from '../model/bpf/kernel-function.ts';
import type { NativeProgram } from '../model/bpf/native-run.ts';
import type { JitHost } from './jit-memory.ts';
import type { JitRecord } from './jit-record.ts';
import { skbHelper } from './jit-skb.ts';

/** What the kernel function of a name does, where that is modelled. */
export function recordedHelper(name: string, { packet }: JitHost): Helper | undefined {
  return HELPERS.get(name) ?? skbHelper(name, packet);
}

/** `tailCallTarget` is the program a patched direct tail call goes to; its own address is not recorded. */
export function recordedCode(line: JitRecord, host: JitHost, tailCallTarget: JitRecord | undefined): NativeProgram {
  const { addr, len } = line.funcs[0]!;
  const entries = line.extable.flatMap((table) =>
    Array.from({ length: table.bytes.length / 12 }, (_, index) =>
      readExceptionEntry(table.addr + BigInt(12 * index), table.bytes.subarray(12 * index)),
    ),
  );
  return {
    main: { address: addr, length: len },
    kernelFunctions: new Map(line.calls.map((call) => [call.addr, kernelFunction(call.sym, host)])),
    exceptionEntries: new Map(entries.map((entry) => [entry.instruction, entry])),
    exceptionCallback: line.exception_cb?.addr,
    arenaUserStart: () => line.arena_user ?? 0n,
    elsewhere: tailCallTarget && tailCallTarget.funcs[0]!.addr + BigInt(tailCallOffset(host.machine)),
  };
}

const kernelFunction = (name: string, host: JitHost) => ({ name, helper: recordedHelper(name, host) });
