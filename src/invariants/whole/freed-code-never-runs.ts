import { invariant } from '../../language/invariant.ts';
import { contains } from '../../model/kernel/layout.ts';
import { describeText, pageOfText, textAddress } from '../../model/kernel/text-address.ts';
import type { WholeWorld } from '../../model/whole-world.ts';
import { isRun, liveTexts } from './runs.ts';

/** Text that a CPU still finds through a translation that no table holds any more is freed text too. */
export const freedCodeNeverRuns = invariant<WholeWorld>({
  name: 'freed-code-never-runs',
  law: 'A CPU that runs a program executes text of live programs and of the kernel, in the frames that hold it now.',
  concerns: (_, happened) => isRun(happened),
  judgeStep(world, _, violated) {
    const { executed, fetched } = world.lastRun!;
    const texts = liveTexts(world);
    for (const address of executed) {
      if (contains(world.layout.modules, pageOfText(address)) || contains(world.image.whole, pageOfText(address))) {
        const isKernel = contains(world.image.text, pageOfText(address));
        const isLive = texts.some(
          ({ compiled }) => address >= compiled.address && address < compiled.address + compiled.code.length,
        );
        if (!isKernel && !isLive) violated(`the CPU came to ${describeText(address)}, which is no live program's`);
      }
    }
    for (const [page, frame] of fetched) {
      const now = world.machine.kernelTables.translate(page)?.frame;
      if (now !== frame)
        violated(
          `the CPU fetched ${describeText(textAddress(page))} from frame ${frame}; the tables say ${now ?? 'none'}`,
        );
    }
  },
});
