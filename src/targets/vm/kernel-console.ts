/** What the console of a guest's kernel says about how it fared. */
export interface ConsoleReading {
  /** The first line that tells of the worst harm, without time stamps: `BUG: unable to handle page fault for address: ...`. */
  readonly harm: string | undefined;
  /** Whether the kernel gave up. */
  readonly panicked: boolean;
  /** The lines from the first harm to the end, or the last ones where there is none. */
  readonly excerpt: readonly string[];
}

/** Reads a console log: oopses and panics, warnings, stuck CPUs, damaged page tables. */
export function readConsole(text: string): ConsoleReading {
  const lines = text.split(/\r?\n/).map((line) => line.trimEnd());
  const found = HARMS.map((harm) => lines.findIndex((line) => harm.test(withoutTime(line))));
  const first = found.find((index) => index >= 0) ?? -1;
  const panicked = lines.some((line) => PANIC.test(withoutTime(line)));
  const excerpt = first < 0 ? lines.slice(-LAST_LINES) : lines.slice(first, first + MOST_LINES);
  return {
    harm: first < 0 ? undefined : withoutTime(lines[first]!),
    panicked,
    excerpt: excerpt.filter((line) => line !== ''),
  };
}

const withoutTime = (line: string): string => line.replace(/^(?:<\d+>)?\[\s*\d+\.\d+\](?:\[\s*[TC]\d+\])?\s*/, '');

/** From what is fatal over what is wrong to what is only slow, which an emulated machine is anyway. */
const HARMS = [
  // arch/x86/mm/fault.c, arch/x86/kernel/dumpstack.c, lib/bug.c, kernel/panic.c
  /^(?:BUG: |kernel BUG at |Oops\b|general protection fault|Kernel panic - not syncing)/,
  // kernel/panic.c:__warn(), mm/pgtable-generic.c
  /^(?:WARNING: |.*bad p[gmu4]d )/,
  // kernel/watchdog.c, kernel/hung_task.c, kernel/rcu/tree_stall.h
  /^(?:watchdog: BUG|INFO: task .* blocked|rcu: INFO: .*stall)/,
];
const PANIC = /^Kernel panic - not syncing/;
const MOST_LINES = 120;
const LAST_LINES = 20;
