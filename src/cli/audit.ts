import { counted, duration, grouped } from '../report/numbers.ts';
import { audit, type LawFindings, persisting } from '../targets/live/audit.ts';
import { census } from '../targets/live/audit-census.ts';
import { type AuditReading, readForAudit } from '../targets/live/audit-reading.ts';
import { available, type Facility, having } from '../targets/live/facility.ts';
import { LiveKernel } from '../targets/live/live-kernel.ts';
import { tellCensus, tellLaws, tellStrips } from './audit-text.ts';
import type { Answer, Desk } from './desk.ts';
import { ALL_WELL, FOUND_SOMETHING } from './exit-codes.ts';
import type { Verb } from './verb.ts';

/**
 * `roxcheck audit`: reads every page table of the running kernel and judges it. Reads only; makes one small arena of its own to
 * have one to judge. Exit code 1 where a law is broken, 0 where all hold or nothing could be read.
 */
export const auditVerb: Verb = {
  name: 'audit',
  does: "walks the running kernel's page tables and judges them: W^X through every alias, direct map, JIT, arenas",
  async act(desk) {
    const kernel = await LiveKernel.open();
    try {
      const look = lookAt(kernel);
      return look.kind === 'available' ? judged(desk, kernel, look.thing) : skipped(desk, kernel, look);
    } finally {
      kernel.close();
    }
  },
};

/** A way to read the kernel's page tables as they are at the moment. */
function lookAt(kernel: LiveKernel): Facility<() => AuditReading> {
  return having(kernel.pageWalk, (walk) =>
    having(kernel.memory, (memory) => available(() => readForAudit(kernel, walk, memory))),
  );
}

function skipped(
  desk: Desk,
  { release }: LiveKernel,
  missing: Exclude<Facility<never>, { kind: 'available' }>,
): Answer {
  const reason = `${missing.kind}: ${missing.why}; ${missing.remedy}`;
  desk.say(`skipped: the page tables of this kernel cannot be read, ${reason}`);
  return { exitCode: ALL_WELL, document: { release, verdict: 'skipped', reason } };
}

function judged(desk: Desk, { release }: LiveKernel, look: () => AuditReading): Answer {
  // A large machine has many tables: Ctrl-C does not wait for them.
  const { reading, laws, seconds } = desk.surroundings.killable(() => settled(look, desk.surroundings.now));
  const regions = census(reading.runs, reading.space);
  const { leafCount, tableCount, repeatedTableCount } = reading.leaves;

  desk.say(desk.colours.bold(`Linux ${release}`));
  desk.say(`${grouped(leafCount)} leaves in ${counted(tableCount, 'table')}, read in ${duration(seconds)}`);
  desk.say();
  tellCensus(desk, regions, reading.directMapCounters);
  desk.say();
  tellStrips(desk, reading.runs, reading.space, Math.min(desk.surroundings.live.columns ?? 100, 140));
  desk.say();
  tellLaws(desk, laws);

  const broken = laws.some((law) => law.broken.length > 0);
  const document = {
    release,
    verdict: broken ? 'violates' : 'holds',
    seconds,
    leaves: leafCount,
    runs: reading.runs.length,
    tables: tableCount,
    repeatedTables: repeatedTableCount,
    regions,
    directMapCounters: reading.directMapCounters,
    laws,
  };
  return { exitCode: broken ? FOUND_SOMETHING : ALL_WELL, document };
}

interface Settled {
  readonly reading: AuditReading;
  readonly laws: readonly LawFindings[];
  /** What the last reading took. */
  readonly seconds: number;
}

/** The kernel works on while it is read: what looks broken is looked at once more, and must still be so. */
function settled(look: () => AuditReading, now: () => number): Settled {
  const first = judgedOnce(look, now);
  if (first.laws.every(({ broken }) => broken.length === 0)) return first;
  const second = judgedOnce(look, now);
  return { ...second, laws: persisting(first.laws, second.laws) };
}

function judgedOnce(look: () => AuditReading, now: () => number): Settled {
  const start = now();
  const reading = look();
  return { reading, laws: audit(reading), seconds: (now() - start) / 1000 };
}
