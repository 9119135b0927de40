/** What the console of a guest's kernel says about how it fared. */
export interface ConsoleReading {
  /** The first line that tells of harm, without time stamps: `BUG: unable to handle page fault for address: ...`. */
  readonly harm: string | undefined;
  /** Whether the kernel gave up. */
  readonly panicked: boolean;
  /** The lines from the first harm to the end, or the last ones where there is none. */
  readonly excerpt: readonly string[];
}

/** Reads a console log: oopses and panics, warnings, stuck CPUs, damaged page tables. */
export function readConsole(text: string): ConsoleReading {
  const lines = text.split(/\r?\n/).map((line) => line.trimEnd());
  const first = lines.findIndex((line) => HARM.test(withoutTime(line)));
  const panicked = lines.some((line) => PANIC.test(withoutTime(line)));
  const excerpt = first < 0 ? lines.slice(-LAST_LINES) : lines.slice(first, first + MOST_LINES);
  return {
    harm: first < 0 ? undefined : withoutTime(lines[first]!),
    panicked,
    excerpt: excerpt.filter((line) => line !== ''),
  };
}

const withoutTime = (line: string): string => line.replace(/^(?:<\d+>)?\[\s*\d+\.\d+\](?:\[\s*[TC]\d+\])?\s*/, '');

/** lib/bug.c, arch/x86/mm/fault.c, arch/x86/kernel/dumpstack.c, kernel/panic.c, kernel/watchdog.c, kernel/rcu/tree_stall.h, mm/pgtable-generic.c. */
const HARM =
  /^(?:BUG: |WARNING: |Oops: |Oops\b.*SMP|general protection fault|Kernel panic - not syncing|kernel BUG at |watchdog: BUG|rcu: INFO: .*stall|INFO: task .* blocked|.*bad p[gmu4]d )/;
const PANIC = /^Kernel panic - not syncing/;
const MOST_LINES = 120;
const LAST_LINES = 20;
