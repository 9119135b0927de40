import { describe, expect, test } from 'vitest';
import { Execmem, type ExecmemInfo, x86Execmem } from '../../src/model/kernel/execmem.ts';
import { type ExecmemCoreProfile, execmemProfiles, execmemTypes } from '../../src/model/kernel/execmem-profile.ts';
import { pageOfText } from '../../src/model/kernel/text-address.ts';
import { KERNEL_DATA, KERNEL_ROX, NO_EXECUTE } from '../../src/model/machine/page-table-entry.ts';
import { freshWorld } from './shared-text-state.ts';

const K = 1024;
const PLAIN: ExecmemCoreProfile = execmemProfiles['6.10'];

/** The core API of 6.10 over what an architecture describes. */
function described(info: ExecmemInfo, profile: ExecmemCoreProfile = PLAIN) {
  const world = freshWorld('6.10');
  const { vmalloc, log, sharing, layout } = world;
  const execmem = new Execmem({ profile, vmalloc, cache: sharing.cache, log, info });
  return { world, execmem, window: layout.modules };
}

const { modules } = freshWorld('6.10').layout;
const few = (pages: number) => ({ first: modules.first, end: modules.first + pages });
const text = { window: modules, flags: KERNEL_DATA, alignment: 4096 };

describe('what the default range must have', () => {
  test('a window, a protection and an alignment', () =>
    expect(described({ 'module-text': text }).execmem.isUsable).toBe(true));

  test.each([
    ['no range at all', {}],
    ['no window', { flags: KERNEL_DATA, alignment: 4096 }],
    ['no protection', { ...text, flags: 0 }],
    ['no alignment', { ...text, alignment: 0 }],
  ])('without it (%s) nothing can be loaded', (_, range) => {
    expect(described({ 'module-text': range }).execmem.isUsable).toBe(false);
  });
});

test('types that the architecture says nothing of are like module text; module data is never executable', () => {
  const { execmem } = described({ 'module-text': { ...text, flags: KERNEL_ROX, fallback: few(9), alignment: 8192 } });
  for (const type of execmemTypes) {
    expect(execmem.ranges[type]).toMatchObject({ window: modules, fallback: few(9), alignment: 8192 });
    expect(execmem.ranges[type].flags & NO_EXECUTE, type).toBe(type === 'module-data' ? NO_EXECUTE : 0);
  }
});

test('a type with a range of its own keeps it', () => {
  const own = { window: few(64), flags: KERNEL_ROX, alignment: 4096 };
  const { execmem } = described({ 'module-text': text, kprobes: own });
  expect(execmem.ranges.kprobes).toMatchObject(own);
  expect(pageOfText(execmem.allocate('kprobes', 4 * K, 0)!)).toBe(modules.first);
});

test('where the window is full the fallback serves, and where both are full nothing does', () => {
  const fallback = { first: modules.first + 4096, end: modules.first + 4096 + 8 };
  const { world, execmem } = described({ 'module-text': { ...text, window: few(8), fallback } });
  // Six pages and a guard page: there is room for one of them in each window.
  expect(pageOfText(execmem.allocate('module-text', 24 * K, 0)!)).toBe(modules.first);
  expect(pageOfText(execmem.allocate('module-text', 24 * K, 0)!)).toBe(fallback.first);
  const before = world.vmalloc.areas.length;
  expect(execmem.allocate('module-text', 24 * K, 0)).toBeUndefined();
  expect(world.vmalloc.areas).toHaveLength(before);
});

test('an alignment above a page is kept', () => {
  const { execmem } = described({ 'module-text': { ...text, alignment: 64 * K } });
  for (let count = 0; count < 3; count++) {
    expect(pageOfText(execmem.allocate('module-text', 4 * K, 0)!) % 16).toBe(0);
  }
});

test('a cache that the kernel was built without is not used, whatever the range says', () => {
  const info = { 'module-text': { ...text, cached: true } };
  expect(described(info).execmem.ranges['module-text'].cached).toBe(false);
  expect(described(info, execmemProfiles['6.15']).execmem.ranges['module-text'].cached).toBe(true);
});

test.each([
  ['6.10', []],
  ['6.13-rc', ['module-text']],
  ['6.13', []],
  ['6.15', ['module-text']],
  ['6.18', ['module-text', 'kprobes', 'ftrace']],
])('x86 on %s has the cache for %j, and for nobody without large pages', (kernel, cached) => {
  const world = freshWorld(kernel);
  const { ranges } = world.sharing.execmem;
  expect(execmemTypes.filter((type) => ranges[type].cached)).toEqual(cached);
  const { profile } = world.sharing;
  if (profile.kind !== 'core') throw new Error('a kernel with mm/execmem.c');
  const small = x86Execmem(world.layout, profile, false);
  expect(execmemTypes.filter((type) => small[type]?.cached === true)).toEqual([]);
});
