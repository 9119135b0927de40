import { describeFlags } from '../model/machine/page-table-entry.ts';
import type { Held } from './domains/held-index.ts';
import type { Mapping } from './ghosts/table-mirror.ts';

const SIZES = ['', '4 KiB', '2 MiB', '1 GiB'];

/** A mapping as evidence says it: `the 4 KiB entry at 0xffffffffa0000000 (r-x, frame 4711)`. */
export const sayMapping = ({ page, level, flags, frame }: Mapping): string =>
  `the ${SIZES[level]} entry at ${sayPage(page)} (${describeFlags(flags)}, frame ${frame})`;

/** A cached translation as evidence says it. */
export const sayHeld = ({ cpu, translation: { firstPage, level, flags, frame } }: Held): string =>
  `CPU ${cpu.number} holds a ${SIZES[level]} translation of ${sayPage(firstPage)} (${describeFlags(flags)}, frame ${frame})`;

export const sayPage = (page: number): string => `0x${page.toString(16)}000`;
