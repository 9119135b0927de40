/** {@link ROWS} arranged by opcode byte, for the decoder. */
import { assert } from '../../../base/assert.ts';
import { ROWS, type Row } from './opcode-map.ts';

/** One row and what its notation says about the bytes after the opcode. */
export interface Entry {
  readonly row: Row;
  readonly hasModrm: boolean;
  readonly immediate: 'none' | 'ib' | 'iz' | 'iv' | 'cb' | 'cd';
}

/** The entries of one opcode byte by ModRM.reg; all eight are the same where that field is an operand or absent. */
export type Group = readonly (Entry | undefined)[];

export const ONE_BYTE: readonly (Group | undefined)[] = tableOf(ROWS.filter((row) => !isEscaped(row)));
export const TWO_BYTE: readonly (Group | undefined)[] = tableOf(ROWS.filter(isEscaped));

function isEscaped(row: Row): boolean {
  return row.encoding.startsWith('0f ');
}

function tableOf(rows: readonly Row[]): (Group | undefined)[] {
  const table: ((Entry | undefined)[] | undefined)[] = new Array(256).fill(undefined);
  for (const row of rows) {
    const [opcode, ...rest] = row.encoding.replace(/^0f /, '').split(' ');
    const modrm = rest.find((part) => part.startsWith('/'));
    const entry: Entry = { row, hasModrm: modrm !== undefined, immediate: rest.find(isImmediate) ?? 'none' };
    const first = Number.parseInt(opcode!, 16);
    const last = opcode!.endsWith('+r') ? first + 7 : first;
    for (let byte = first; byte <= last; byte++) {
      const group = table[byte] ?? new Array<Entry | undefined>(8).fill(undefined);
      table[byte] = group;
      for (const digit of digitsOf(modrm)) {
        assert(group[digit] === undefined, `${row.encoding} is the only row of its opcode`);
        group[digit] = entry;
      }
    }
  }
  return table;
}

function digitsOf(modrm: string | undefined): readonly number[] {
  return modrm === undefined || modrm === '/r' ? [0, 1, 2, 3, 4, 5, 6, 7] : [Number(modrm.slice(1))];
}

function isImmediate(part: string): part is Exclude<Entry['immediate'], 'none'> {
  return /^(ib|iz|iv|cb|cd)$/.test(part);
}
