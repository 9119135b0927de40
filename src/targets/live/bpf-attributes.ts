/**
 * The attribute blocks of bpf(2) as data (include/uapi/linux/bpf.h, union bpf_attr): the number of the command, the size to
 * pass, and where each field stands. A field that a value does not name is zero; the kernel refuses unknown bytes that
 * are not (E2BIG), so a block is cleared before it is filled.
 */
export interface AttributeLayout<Name extends string> {
  readonly command: number;
  readonly size: number;
  readonly fields: Readonly<Record<Name, Field>>;
}

interface Field {
  readonly at: number;
  /** Bytes: 4 or 8 for integers, more for a text that ends with a zero byte. */
  readonly bytes: number;
}

type FieldValue = number | bigint | string;

const u32 = (at: number): Field => ({ at, bytes: 4 });
const u64 = (at: number): Field => ({ at, bytes: 8 });
const name16 = (at: number): Field => ({ at, bytes: 16 });

export const MAP_CREATE = {
  command: 0,
  size: 72,
  fields: {
    map_type: u32(0),
    key_size: u32(4),
    value_size: u32(8),
    max_entries: u32(12),
    map_flags: u32(16),
    inner_map_fd: u32(20),
    map_name: name16(28),
    map_extra: u64(64),
  },
} as const satisfies AttributeLayout<string>;

export const PROG_LOAD = {
  command: 5,
  size: 144,
  fields: {
    prog_type: u32(0),
    insn_cnt: u32(4),
    insns: u64(8),
    license: u64(16),
    log_level: u32(24),
    log_size: u32(28),
    log_buf: u64(32),
    prog_flags: u32(44),
    prog_name: name16(48),
    expected_attach_type: u32(68),
    prog_btf_fd: u32(72),
    func_info_rec_size: u32(76),
    func_info: u64(80),
    func_info_cnt: u32(88),
    line_info_rec_size: u32(92),
    line_info: u64(96),
    line_info_cnt: u32(104),
    core_relo_cnt: u32(116),
    core_relos: u64(128),
    core_relo_rec_size: u32(136),
  },
} as const satisfies AttributeLayout<string>;

export const BTF_LOAD = {
  command: 18,
  size: 28,
  fields: { btf: u64(0), btf_log_buf: u64(8), btf_size: u32(16), btf_log_size: u32(20), btf_log_level: u32(24) },
} as const satisfies AttributeLayout<string>;

export const MAP_FREEZE = {
  command: 22,
  size: 4,
  fields: { map_fd: u32(0) },
} as const satisfies AttributeLayout<string>;

const element = { size: 32, fields: { map_fd: u32(0), key: u64(8), value: u64(16), flags: u64(24) } };

/** The commands on elements of a map. */
export const MAP_ELEMENT = {
  lookup: { command: 1, ...element },
  update: { command: 2, ...element },
  delete: { command: 3, ...element },
  'next-key': { command: 4, ...element },
} as const satisfies Readonly<Record<string, AttributeLayout<string>>>;

/** For programs of type SYSCALL every other field must be zero; the context is copied in and back to the same place. */
export const PROG_TEST_RUN = {
  command: 10,
  size: 80,
  fields: { prog_fd: u32(0), retval: u32(4), ctx_size_in: u32(40), ctx_in: u64(48) },
} as const satisfies AttributeLayout<string>;

export const OBJ_GET_INFO_BY_FD = {
  command: 15,
  size: 16,
  fields: { bpf_fd: u32(0), info_len: u32(4), info: u64(8) },
} as const satisfies AttributeLayout<string>;

/**
 * What OBJ_GET_INFO_BY_FD writes about a program (struct bpf_prog_info). Lengths go in as the room there is and come back
 * as what there would be; a pointer comes back 0 where the caller may not see kernel addresses (CAP_SYSLOG).
 */
export const PROG_INFO = {
  size: 232,
  fields: {
    id: u32(4),
    jited_prog_len: u32(16),
    xlated_prog_len: u32(20),
    jited_prog_insns: u64(24),
    xlated_prog_insns: u64(32),
    nr_jited_ksyms: u32(104),
    nr_jited_func_lens: u32(108),
    jited_ksyms: u64(112),
    jited_func_lens: u64(120),
  },
} as const;

/** Clears a block and writes the named fields into it. */
export function fill<Name extends string>(
  view: DataView,
  { size, fields }: Omit<AttributeLayout<Name>, 'command'>,
  values: Readonly<Partial<Record<NoInfer<Name>, FieldValue>>>,
): void {
  new Uint8Array(view.buffer, view.byteOffset, size).fill(0);
  for (const [name, value] of Object.entries<FieldValue | undefined>(values)) {
    if (value !== undefined) write(view, fields[name as Name], value);
  }
}

/** Reads an integer field back. */
export function fieldOf(view: DataView, { at, bytes }: Field): bigint {
  return bytes === 4 ? BigInt(view.getUint32(at, true)) : view.getBigUint64(at, true);
}

function write(view: DataView, { at, bytes }: Field, value: FieldValue): void {
  if (typeof value === 'string') {
    const text = Buffer.from(value, 'latin1').subarray(0, bytes - 1);
    new Uint8Array(view.buffer, view.byteOffset + at, bytes).set(text);
  } else if (bytes === 4) {
    view.setUint32(at, Number(value) >>> 0, true);
  } else {
    view.setBigUint64(at, BigInt.asUintN(64, BigInt(value)), true);
  }
}
