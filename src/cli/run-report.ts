import { judgeOccurrence } from '../engine/occurrences.ts';
import type { Occurrence } from '../language/occurrence.ts';
import type { CaseGroup, CaseOutcome, ReportedCase } from '../report/reporters/findings-for-tools.ts';
import type { Result } from './run-result.ts';

/** A suite that ran, for reporters: its laws are the cases. */
export function runGroup(result: Result): CaseGroup {
  const { job, seed, report, seconds } = result;
  const { suite, kernel } = job;
  const counts = { runs: String(report?.runs ?? 0), steps: String(report?.steps ?? 0) };
  const laws = suite.invariants.map(({ name }): ReportedCase => ({ name, outcome: outcomeOf(result, name) }));
  const occurrences = (suite.occurrences ?? []).map(
    (occurrence): ReportedCase => ({ name: occurrence.name, outcome: occurrenceOutcome(result, occurrence) }),
  );
  const own = ownOutcome(result);
  const cases = [...(own === undefined ? [] : [{ name: 'the suite itself', outcome: own }]), ...laws, ...occurrences];
  return {
    name: `${suite.name} on ${kernel}`,
    seconds,
    properties: { suite: suite.name, kernel, seed, ...counts },
    cases,
  };
}

function outcomeOf({ verdict, reason, report, kept }: Result, law: string): CaseOutcome {
  const violation = report?.failure?.violation;
  if (violation?.law === law) {
    const message = violation.evidence[0] ?? `violates ${law}`;
    return { kind: 'failed', message, details: kept?.lines ?? violation.evidence, file: kept?.path };
  }
  if ((report?.judged.get(law) ?? 0) > 0) return { kind: 'passed' };
  if (verdict === 'vacuous') return { kind: 'failed', message: 'never had anything to judge', details: [] };
  return { kind: 'skipped', reason: reason ?? 'had nothing to judge' };
}

function occurrenceOutcome({ verdict, report }: Result, occurrence: Occurrence<never>): CaseOutcome {
  const frequency = report?.occurred.get(occurrence.name) ?? { runs: 0, met: 0 };
  const { runs, met } = frequency;
  const judged = judgeOccurrence(occurrence, frequency, verdict === 'rare');
  if (judged === 'often') return { kind: 'passed' };
  const message = `in ${met} of ${runs} runs: ${occurrence.says}`;
  return judged === 'rare'
    ? { kind: 'failed', message, details: [] }
    : { kind: 'skipped', reason: `too few runs tell, ${message}` };
}

/** What went wrong beyond the laws: a mistake of our own, or a failure that could not be saved. */
function ownOutcome({ verdict, reason, report, kept }: Result): CaseOutcome | undefined {
  const bug = report?.bug ?? kept?.bug;
  if (verdict === 'model-bug' || bug !== undefined) {
    const message = reason ?? bug?.message ?? 'the model contradicts itself';
    return { kind: 'error', message, details: bug?.stack?.split('\n') ?? [] };
  }
  if (kept?.unsaved === undefined) return undefined;
  return { kind: 'error', message: kept.unsaved.describe(), details: [] };
}
