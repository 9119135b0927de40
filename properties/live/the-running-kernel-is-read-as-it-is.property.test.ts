import { describe, expect, test } from 'vitest';
import { pageOf } from '../../src/base/page.ts';
import { PROG_TYPE_SOCKET_FILTER } from '../../src/targets/live/bpf.ts';
import { thingOf } from '../../src/targets/live/facility.ts';
import { pageCountOf } from '../../src/targets/live/leaf-run.ts';
import { arenaStartIn, OwnArena } from '../../src/targets/live/own-arena.ts';
import { doNothing } from '../../src/targets/live/programs.ts';
import { isMissing, reachedKernel } from './reached-kernel.ts';

const kernel = await reachedKernel();
const bpf = thingOf(kernel.bpf)!;
const btf = thingOf(kernel.btf)!;
const memory = thingOf(kernel.memory)!;
const walk = thingOf(kernel.pageWalk)!;

describe.skipIf(isMissing('page tables', kernel.pageWalk))('on the running kernel', () => {
  test('the walk of everything agrees with single looks', () => {
    const { runs } = walk.kernelLeaves();
    const direct = runs.filter(({ page, frame }) => page - frame === pageOf(walk.roots.directMap));
    expect(direct.length).toBeGreaterThan(0);
    // The direct map is the part that stays put while others work.
    const agreed = direct.filter((run) => {
      const leaf = walk.leafAt(run.page + pageCountOf(run) - 1);
      return leaf?.leafPages === run.leafPages && leaf.writable === run.writable && leaf.executable === run.executable;
    });
    expect(agreed.length).toBeGreaterThan(direct.length * 0.9);
  });

  test('a page of the kernel reads the same through its alias in the direct map', () => {
    const task = memory.currentTask;
    const leaf = walk.leafAt(pageOf(task))!;
    const frame = leaf.frame + (pageOf(task) - leaf.page);
    const alias = walk.roots.directMap + (BigInt(frame) << 12n) + (task & 0xfffn);
    const pid = BigInt(btf.offsetOf('task_struct', 'pid')!);
    expect(memory.word(alias + pid)! & 0xffff_ffffn).toBe(memory.word(task + pid)! & 0xffff_ffffn);
    expect(memory.word(task + pid)! & 0xffff_ffffn).not.toBe(0n);
  });

  test('what is not mapped is no error and no value', () => {
    expect(memory.word(0n)).toBeUndefined();
    expect(memory.word(0x8000_0000_0000_0000n)).toBeUndefined();
    expect(memory.read(0xffff_ffff_ffff_f000n, 8)).toBeUndefined();
    expect(memory.read(memory.currentTask, 65537)).toBeUndefined();
  });

  test.skipIf(isMissing('kernel addresses', kernel.symbols))(
    'machine code reads as the kernel dumps it, and is sealed',
    () => {
      const program = bpf.loadProgram({ type: PROG_TYPE_SOCKET_FILTER, name: 'rox_nothing', instructions: doNothing });
      const information = bpf.programInformation(program);
      if (typeof information === 'number' || information.code === undefined) throw new Error(`no dump: ${information}`);
      const { address } = information.parts[0]!;
      expect(memory.read(address, information.codeBytes)?.slice()).toEqual(information.code);
      const leaf = walk.leafAt(pageOf(address))!;
      expect(leaf).toMatchObject({ writable: false, executable: true });
      const frame = leaf.frame + (pageOf(address) - leaf.page);
      expect(walk.leafAt(pageOf(walk.roots.directMap) + frame)).toMatchObject({ writable: false, executable: false });
      // A program without an arena loads none.
      expect(arenaStartIn(information.code)).toBeUndefined();
      bpf.release(program);
    },
  );

  test('arena pages come and go in the window that the code names, and its guards are absent', () => {
    const arena = thingOf(OwnArena.open(bpf, btf));
    const start = arena?.kernelStart();
    if (arena === undefined || start === undefined) {
      console.log('skipped: no arena, or its code cannot be seen');
      return;
    }
    const first = pageOf(start);
    expect(walk.leafAt(first)).toBeUndefined();
    expect(arena.allocate(3)).toBe(arena.start);
    for (const page of [0, 1, 2]) {
      expect(walk.leafAt(first + page)).toMatchObject({ leafPages: 1, writable: true, executable: false });
    }
    for (const page of [-8, -1, 3, 2 ** 20, 2 ** 20 + 7]) expect(walk.leafAt(first + page)).toBeUndefined();
    arena.free(arena.start, 3);
    expect(walk.leafAt(first)).toBeUndefined();
    arena.close();
  });
});
