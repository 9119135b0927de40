import { type Journal, JournaledArray } from '../../base/journal.ts';

/** What the kernel prints when it finds itself in the wrong: WARN goes on, BUG kills the task, KASAN saw a bad access. */
export interface KernelReport {
  readonly kind: 'WARN' | 'BUG' | 'KASAN';
  readonly text: string;
}

/**
 * The kernel's complaints about itself, oldest first. A real kernel prints most of them once a boot (WARN_ONCE); here each
 * one is kept, so that every step can be asked what it caused.
 */
export class KernelLog {
  readonly reports: JournaledArray<KernelReport>;

  constructor(journal: Journal) {
    this.reports = new JournaledArray<KernelReport>(journal);
  }

  warn(text: string): void {
    this.reports.push({ kind: 'WARN', text });
  }

  bug(text: string): void {
    this.reports.push({ kind: 'BUG', text });
  }

  kasan(text: string): void {
    this.reports.push({ kind: 'KASAN', text });
  }

  /** What was reported since the log held `count` reports, as `WARN text` and so on. */
  since(count: number): readonly string[] {
    return this.reports.items.slice(count).map(({ kind, text }) => `${kind} ${text}`);
  }
}
