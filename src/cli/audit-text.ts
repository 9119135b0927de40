import { PAGE_SIZE } from '../base/page.ts';
import { memoryStrip, type StripOptions } from '../report/memory-strip.ts';
import { counted, grouped } from '../report/numbers.ts';
import { Table } from '../report/table.ts';
import { type AddressSpace, regionOf } from '../targets/live/address-space.ts';
import type { LawFindings } from '../targets/live/audit.ts';
import type { LeafCounts, RegionCensus } from '../targets/live/audit-census.ts';
import { type LeafRun, leafSizeName, pageCountOf } from '../targets/live/leaf-run.ts';
import type { Desk } from './desk.ts';

/** What `roxcheck audit` prints for people: the parts of the address space, a picture of memory, the laws. */

export function tellCensus(desk: Desk, regions: readonly RegionCensus[], counters: LeafCounts | undefined): void {
  const table = new Table([
    { title: 'part', widest: regions.map(({ region }) => region) },
    ...['4K leaves', '2M', '1G', 'rw-', 'r--', 'r-x', 'rwx'].map((title) => ({
      title,
      align: 'right' as const,
      widest: ['1,024.0 MiB'.slice(0, title.length > 2 ? undefined : 6)],
    })),
  ]);
  desk.say(desk.colours.bold(table.head()));
  for (const { region, leaves, pages } of regions) {
    const sizes = (['4K', '2M', '1G'] as const).map((size) => zeroFree(leaves[size]));
    const rights = ['rw-', 'r--', 'r-x', 'rwx'].map((right) => sizeText(pages[right] ?? 0));
    const [data, readOnly, text, both] = rights as [string, string, string, string];
    desk.say(table.row([region, ...sizes, data, readOnly, text, both === '' ? '' : desk.colours.red(both)]));
  }
  if (counters === undefined) return;
  const told = (['4K', '2M', '1G'] as const).map((size) => `${grouped(counters[size])} ${size}`).join(', ');
  desk.say(desk.colours.dim(`/proc/meminfo counts ${told} for the direct map, leaves of early boot among them`));
}

/** Physical memory as the direct map shows it, and the part of the address space where programs are placed. */
export function tellStrips(desk: Desk, runs: readonly LeafRun[], space: AddressSpace, width: number): void {
  const cells = Math.max(20, width - LABEL_WIDTH);
  const direct = runs.filter((run) => regionOf(space, run) === 'direct map');
  const code = runs.filter((run) => regionOf(space, run) === 'modules and JIT');
  desk.say(`physical memory, ${sizeText(endOf(direct, 'frame'))}`);
  const physical = { from: 0, to: endOf(direct, 'frame'), cells };
  strip(desk, 'leaf size', direct, 'frame', (run) => SIZE_MARKS[leafSizeName(run.leafPages)], physical, '░▒█');
  desk.say(desk.colours.dim(`${' '.repeat(LABEL_WIDTH)}░ 4K  ▒ 2M  █ 1G: the smallest leaf of each part`));
  strip(desk, 'rights', direct, 'frame', rightsMark, physical, 'Xxr·');
  desk.say(desk.colours.dim(`${' '.repeat(LABEL_WIDTH)}· rw-  r r--  x r-x  X rwx: the rarest rights of each part`));
  if (code.length === 0) return;
  const from = code[0]!.page;
  const to = endOf(code, 'page');
  desk.say(`modules and JIT, ${sizeText(to - from)} from 0x${(BigInt(from) << 12n).toString(16)}`);
  strip(desk, 'rights', code, 'page', rightsMark, { from, to, cells }, 'Xxr·');
}

export function tellLaws(desk: Desk, laws: readonly LawFindings[]): void {
  const { colours } = desk;
  for (const { name, law, judged, unit, broken, expected } of laws) {
    const mark = broken.length > 0 ? colours.red('FAIL') : judged > 0 ? colours.green('ok  ') : colours.yellow('--  ');
    const count = `${grouped(judged)} ${judged === 1 ? unit : pluralOf(unit)}`;
    desk.say(`${mark}  ${name}: ${judged === 0 ? 'nothing to judge' : count}`);
    if (broken.length > 0) desk.say(`      ${law}`);
    for (const { text } of broken.slice(0, MOST_SHOWN)) desk.say(`      ${text}`);
    if (broken.length > MOST_SHOWN) desk.say(`      and ${counted(broken.length - MOST_SHOWN, 'more place')}`);
    for (const story of new Set(broken.map((one) => one.story))) {
      const places = broken.filter((one) => one.story === story).length;
      if (story !== undefined) desk.say(colours.cyan(`      recognised in ${counted(places, 'place')}: ${story}`));
    }
    for (const { text } of expected) desk.say(colours.dim(`      expected: ${text}`));
  }
}

type Drawn = Omit<StripOptions, 'order'>;

function strip(
  desk: Desk,
  label: string,
  runs: readonly LeafRun[],
  axis: 'page' | 'frame',
  mark: (run: LeafRun) => string,
  drawn: Drawn,
  order: string,
): void {
  const segments = runs.map((run) => ({ start: run[axis], length: pageCountOf(run), mark: mark(run) }));
  const line = memoryStrip(segments, { ...drawn, order: [...order] });
  desk.say(label.padEnd(LABEL_WIDTH) + line.replaceAll(/X+/g, (text) => desk.colours.red(text)));
}

const SIZE_MARKS = { '4K': '░', '2M': '▒', '1G': '█' } as const;

function rightsMark({ writable, executable }: LeafRun): string {
  if (executable) return writable ? 'X' : 'x';
  return writable ? '·' : 'r';
}

function endOf(runs: readonly LeafRun[], axis: 'page' | 'frame'): number {
  return runs.reduce((end, run) => Math.max(end, run[axis] + pageCountOf(run)), 0);
}

/** Pages as people read sizes; nothing for none. */
function sizeText(pages: number): string {
  if (pages === 0) return '';
  const kibibytes = (pages * PAGE_SIZE) / 1024;
  if (kibibytes < 1024) return `${kibibytes} KiB`;
  if (kibibytes < 1024 * 1024) return `${(kibibytes / 1024).toFixed(1)} MiB`;
  return `${(kibibytes / 1024 / 1024).toFixed(1)} GiB`;
}

const zeroFree = (count: number): string => (count === 0 ? '' : grouped(count));

/** `leaves`, `executable pages`, `pages with JITed code`. */
function pluralOf(unit: string): string {
  if (unit === 'leaf') return 'leaves';
  return unit.startsWith('page ') ? unit.replace('page', 'pages') : `${unit}s`;
}

const LABEL_WIDTH = 12;
const MOST_SHOWN = 20;
