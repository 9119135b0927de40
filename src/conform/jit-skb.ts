/**
 * The sk_buff the recorder ran socket filters and classifiers on, as far as its description states it: 128 bytes of data,
 * of which a socket filter does not see the 14 of the Ethernet header (net/core/test_run.c).
 */
import { u32, u64 } from '../base/word.ts';
import { EFAULT, type Helper, type HelperCall } from '../model/bpf/kernel-function.ts';
import { highHalf, joinHalves, lowHalf } from '../model/machine/cpu/register-file.ts';
import type { JitRecord } from './jit-record.ts';
import type { PacketLayout } from './jit-recorded-filter.ts';

const SOCKET_FILTER_PROGRAM = 1;
const SCHED_CLS_PROGRAM = 3;

/** skb->cb[40]: where the verifier lets a program find the data's end (struct bpf_skb_data_end). */
const DATA_END = 80;

const DATA_BYTES = Uint8Array.from({ length: 128 }, (_, index) =>
  index === 12 ? 8 : index === 13 ? 0 : index * 13 + 1,
);
const ETHERNET_HEADER_BYTES = 14;

export interface RecordedSkb {
  readonly data: Uint8Array;
  /** The sk_buff's own bytes: what is known over the given ones. `dataAddress` is where the data will lie. */
  fieldsOver(bytes: Uint8Array, dataAddress: bigint): Uint8Array;
}

/** Undefined for programs that run on something else. */
export function recordedSkb({ prog_type }: JitRecord, layout: PacketLayout): RecordedSkb | undefined {
  if (prog_type !== SOCKET_FILTER_PROGRAM && prog_type !== SCHED_CLS_PROGRAM) return undefined;
  const data = prog_type === SOCKET_FILTER_PROGRAM ? DATA_BYTES.slice(ETHERNET_HEADER_BYTES) : DATA_BYTES;
  return {
    data,
    fieldsOver(bytes, dataAddress) {
      const fields = bytes.slice();
      const view = new DataView(fields.buffer);
      view.setUint32(layout.lengthOffset, data.length, true);
      view.setBigUint64(layout.dataOffset, dataAddress, true);
      view.setBigUint64(DATA_END, dataAddress + BigInt(data.length), true);
      return fields;
    },
  };
}

/** The kernel functions that read an sk_buff, by name. All data is in its linear part, so pulling has nothing to do. */
export function skbHelper(name: string, layout: PacketLayout): Helper | undefined {
  if (name === 'bpf_skb_pull_data') return () => 0n;
  const bits = /^bpf_skb_load_helper_(8|16|32)_no_cache$/.exec(name)?.[1];
  return bits === undefined ? undefined : loadHelper(Number(bits) / 8, layout);
}

/** (skb, offset): the big-endian number at an offset of the data, or -EFAULT behind its end (net/core/filter.c). */
function loadHelper(size: number, { lengthOffset, dataOffset }: PacketLayout): Helper {
  return (call) => {
    const [skb, offset] = call.arguments;
    const from = BigInt.asIntN(32, offset!);
    const length = u32(word(call, skb! + BigInt(lengthOffset)));
    if (from < 0n || from + BigInt(size) > length) return u64(-EFAULT);
    const data = word(call, skb! + BigInt(dataOffset)) + from;
    const bytes = Array.from({ length: size }, (_, index) => word(call, data + BigInt(index)) & 0xffn);
    return bytes.reduce((value, byte) => (value << 8n) | byte, 0n);
  };
}

function word({ memory }: HelperCall, address: bigint): bigint {
  memory.load(lowHalf(address), highHalf(address), 8);
  return joinHalves(memory.lo, memory.hi);
}
