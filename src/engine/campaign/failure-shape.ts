import type { Argument } from '../../language/argument.ts';
import type { Step } from '../../language/trace.ts';
import { madeArguments, renumbered } from '../dependencies.ts';
import type { Violation } from '../verdict.ts';

/** What a minimal failing trace is compared with others by. */
export interface FailureShape {
  readonly law: string;
  /** The first sentence of evidence without the numbers, addresses and quoted values that differ from run to run. */
  readonly wording: string;
  readonly operation: string;
  /** Whether that operation makes a result, ends one, both or neither. */
  readonly role: string;
  /** The arguments of the failing step that cannot be at their simplest: what it takes, beyond the operation, to fail. */
  readonly needs: readonly string[];
  /** The steps: operations, which results flow where, which arguments are not at their simplest. */
  readonly steps: string;
}

/** What is known of a failure before it is shrunk. Different bugs may complain alike. */
export function complaintOf({ law, operation, evidence }: Violation): string {
  return `${law} after ${operation ?? 'boot'}: ${wordingOf(evidence)}`;
}

/** The shape of a minimal trace. */
export function shapeOf(steps: readonly Step[], { law, operation, evidence }: Violation): FailureShape {
  const failing = steps.at(-1);
  const text = renumbered(steps).map(stepShape).join('; ');
  const needs = failing === undefined ? [] : valuesNeeded(failing);
  return {
    law,
    wording: wordingOf(evidence),
    operation: operation ?? 'boot',
    role: roleOf(failing),
    needs,
    steps: text,
  };
}

/**
 * Whether two minimal traces show one bug: the same law complains in the same words, both after operations that make a result
 * or both after ones that do not, and so for ending one; and one failing step needs nothing that the other does not need too.
 *
 * One bug often shows in several operations (all that share the faulty code) and behind different beginnings, so neither
 * decides. Measured with ten faults planted at once in the suites prog-pack, vmalloc, rox-cache and arena (seven draws): of
 * two failures put together so, 99 to 100 in 100 had the same fault, and each fault that showed had a finding of its own;
 * law, operation and all steps instead made three to five times as many findings; law alone hid faults behind others. A fault
 * that breaks several laws, or says it in several ways, still has several findings: 0.55 to 1 of them were the first of theirs.
 */
export function isSameBug(one: FailureShape, other: FailureShape): boolean {
  if (one.law !== other.law || one.wording !== other.wording || one.role !== other.role) return false;
  return includesAll(one.needs, other.needs) || includesAll(other.needs, one.needs);
}

function roleOf(step: Step | undefined): string {
  const { makes, ends } = step?.operation ?? {};
  return [...(makes === undefined ? [] : ['makes']), ...(ends === undefined ? [] : ['ends'])].join(' and ');
}

function includesAll(all: readonly string[], some: readonly string[]): boolean {
  return some.every((name) => all.includes(name));
}

function wordingOf(evidence: readonly string[]): string {
  return (evidence[0] ?? '').replaceAll(/x?"[^"]*"/g, '"').replaceAll(/\b0x[0-9a-f]+\b|(?<![a-z])-?\d[\d,.]*/gi, '#');
}

function stepShape(step: Step): string {
  const { operation, args, made } = step;
  const uses = madeArguments(operation).map((name) => `#${args[name]}`);
  const makes = made.length === 0 ? '' : `${made.map((id) => `#${id}`).join(', ')} = `;
  return `${makes}${operation.name}(${[...uses, ...valuesNeeded(step)].join(', ')})`;
}

function valuesNeeded({ operation, args }: Step): readonly string[] {
  const results = madeArguments(operation);
  const takes = Object.entries(operation.takes as Record<string, Argument<unknown>>);
  return takes.flatMap(([name, argument]) =>
    results.includes(name) || isSimplest(argument, args[name]) ? [] : [name],
  );
}

function isSimplest(argument: Argument<unknown>, value: unknown): boolean {
  for (const _simpler of argument.simpler(value)) return false;
  return true;
}
