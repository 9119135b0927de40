import type { Row } from '../compare/measurement.ts';
import { grouped } from './numbers.ts';
import { Table } from './table.ts';

interface Field {
  /** As `--csv` calls it. */
  readonly name: string;
  readonly title: string;
  /** The number itself. */
  value(row: Row): number | string | undefined;
  /** As people read it; the value itself where this is missing. */
  text?(row: Row): string;
}

const flushes = ({ global, local }: Row['flushes']['load']) => `${few(global)}/${few(local)}`;

/** The columns of the table, in the order of the claims that they speak of. */
const fields: readonly Field[] = [
  { name: 'kernel', title: 'kernel', value: ({ kernel }) => kernel },
  { name: 'apis', title: 'APIs', value: ({ apis }) => apis.length },
  { name: 'loads', title: 'loads', value: ({ loads }) => loads },
  { name: 'unloads', title: '', value: ({ unloads }) => unloads },
  { name: 'refused', title: 'refused', value: ({ refused }) => refused },
  { name: 'live', title: '', value: ({ live }) => live },
  { name: 'direct_map_splits', title: 'splits', value: ({ directMap }) => directMap.splits },
  ...(['before', 'loaded', 'after'] as const).flatMap((when) =>
    (['leaves4K', 'leaves2M', 'leaves1G'] as const).map((leaves) => ({
      name: `direct_map_${when}_${leaves.slice(6).toLowerCase()}`,
      title: when === 'after' ? `dm ${leaves.slice(6)}` : '',
      value: ({ directMap }: Row) => directMap[when][leaves],
    })),
  ),
  {
    name: 'load_global_flushes',
    title: 'flush/load',
    value: (row) => row.flushes.load.global,
    text: (row) => flushes(row.flushes.load),
  },
  { name: 'load_local_flushes', title: '', value: (row) => row.flushes.load.local },
  {
    name: 'unload_global_flushes',
    title: 'flush/unload',
    value: (row) => row.flushes.unload.global,
    text: (row) => flushes(row.flushes.unload),
  },
  { name: 'unload_local_flushes', title: '', value: (row) => row.flushes.unload.local },
  { name: 'text_pages', title: 'pages', value: ({ text }) => text.pages },
  { name: 'text_leaves_4k', title: 'iTLB 4K', value: ({ text }) => text.leaves4K },
  { name: 'text_leaves_2m', title: 'iTLB 2M', value: ({ text }) => text.leaves2M },
  {
    name: 'bytes_asked',
    title: 'asked',
    value: ({ text }) => text.bytesAsked,
    text: ({ text }) => kib(text.bytesAsked),
  },
  {
    name: 'bytes_reserved',
    title: 'reserved',
    value: ({ text }) => text.bytesReserved,
    text: ({ text }) => kib(text.bytesReserved),
  },
  {
    name: 'bytes_wasted',
    title: 'wasted',
    value: ({ text }) => text.bytesWasted,
    text: ({ text }) => `${few((100 * text.bytesWasted) / Math.max(1, text.bytesReserved))}%`,
  },
  { name: 'writable_and_executable', title: 'W+X', value: (row) => row.writableAndExecutable },
  {
    name: 'microseconds_per_operation',
    title: 'us/op',
    value: (row) => row.microsecondsPerOperation,
    text: (row) => few(row.microsecondsPerOperation),
  },
  { name: 'last_tenth_to_first', title: '', value: (row) => row.lastTenthToFirst },
];

const shown = fields.filter(({ title }) => title !== '');

/** The table that grows by a row with each kernel. */
export function comparisonTable(kernels: readonly string[]): Table {
  return new Table(
    shown.map(({ title, name }) => ({
      title,
      widest: name === 'kernel' ? kernels : [WIDEST[title] ?? ''],
      align: name === 'kernel' ? 'left' : 'right',
    })),
  );
}

const WIDEST: Readonly<Record<string, string>> = {
  loads: '10,000',
  splits: '1,000',
  'dm 4K': '100,000',
  'dm 2M': '1,000',
  'flush/load': '2.00/1.50',
  'flush/unload': '2.00/1.50',
  pages: '100,000',
  'iTLB 4K': '100,000',
  asked: '100,000K',
  reserved: '100,000K',
  wasted: '99.9%',
  'us/op': '1000',
};

export const comparisonCells = (row: Row): readonly string[] =>
  shown.map(({ value, text }) => {
    const plain = value(row);
    return text?.(row) ?? (typeof plain === 'number' ? grouped(plain) : String(plain));
  });

/** Every number of the rows, with a line of names above (RFC 4180; no name or number needs quotes). */
export function comparisonCsv(rows: readonly Row[]): string {
  const lines = rows.map((row) => fields.map(({ value }) => value(row) ?? '').join(','));
  return [fields.map(({ name }) => name).join(','), ...lines].map((line) => `${line}\r\n`).join('');
}

/** Three digits that matter. */
function few(value: number): string {
  if (value === 0 || value >= 99.95) return grouped(value);
  return value >= 0.01 ? String(Number(value.toPrecision(3))) : value.toFixed(3);
}

const kib = (bytes: number): string => `${grouped(bytes / 1024)}K`;
