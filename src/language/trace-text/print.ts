import type { Argument, Syntax } from '../argument.ts';
import type { Step, Trace } from '../trace.ts';
import { printHeader } from './header.ts';
import { signatureOf } from './lexicon.ts';
import { resultNames } from './result-names.ts';
import { printValue } from './value.ts';

/**
 * The text of a trace: parsing it again gives the same trace, with results renumbered from 0 in the order they are made.
 * Comments stand where they stood; arguments that have their default value are left out.
 */
export function printTrace(trace: Trace): string {
  const names = resultNames(trace);
  const { above, behind } = commentsByStep(trace);
  const lines = [...(above.get(-1) ?? []), ...printHeader(trace.header)];
  const headIsNamed = printHeader(trace.header).length > 0;
  const body: string[] = [];
  for (const [index, step] of trace.steps.entries()) {
    for (const comment of above.get(index) ?? []) body.push(comment);
    const notes = behind.get(index);
    body.push(notes === undefined ? printStep(step, names) : `${printStep(step, names)}  ${notes.join(' ')}`);
  }
  for (const comment of above.get(trace.steps.length) ?? []) body.push(comment);
  // The blank line tells comments of the head from comments of the first step.
  if (lines.length > 0 && (body.length > 0 || !headIsNamed)) lines.push('');
  for (const line of body) lines.push(line);
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}

/** One step as trace text; a block takes several lines. */
export function printStep(step: Step, names: ReadonlyMap<number, string>): string {
  const { operation, kinds, takes } = signatureOf(step.operation);
  const positional: string[] = [];
  const named: string[] = [];
  let block: readonly string[] | undefined;
  let everyResultGiven = true;
  for (const { name, argument, makes, hasDefault } of takes) {
    const value = step.args[name];
    if (value === undefined || (hasDefault && isDefault(argument, value))) {
      if (makes !== undefined) everyResultGiven = false;
      continue;
    }
    if (makes !== undefined) {
      const result = names.get(value as number) ?? `#${value}`;
      if (everyResultGiven) positional.push(result);
      else named.push(`${name}: ${result}`);
      continue;
    }
    const syntax = argument.write(value);
    if (syntax.kind === 'block') block = syntax.lines;
    else named.push(`${name}: ${printValue(syntax)}`);
  }
  const results = kinds.length === 0 ? '' : `${step.made.map((id) => names.get(id) ?? `#${id}`).join(', ')} = `;
  const given = positional.concat(named).join(', ');
  if (block === undefined) return `${results}${operation.name}(${given})`;
  const opening = given === '' ? operation.name : `${operation.name}(${given})`;
  return [`${results}${opening} {`, ...block.map((line) => `  ${line.trim()}`), '}'].join('\n');
}

function isDefault(argument: Argument<unknown>, value: unknown): boolean {
  if (value === argument.default) return true;
  if (typeof value !== 'object') return false;
  return sameText(argument.write(value), argument.write(argument.default));
}

function sameText(left: Syntax, right: Syntax): boolean {
  return left.kind === right.kind && printValue(left) === printValue(right);
}

function commentsByStep(trace: Trace) {
  const above = new Map<number, string[]>();
  const behind = new Map<number, string[]>();
  for (const { step, place, text } of trace.comments ?? []) {
    const byStep = place === 'above' || step < 0 || step >= trace.steps.length ? above : behind;
    const texts = byStep.get(step) ?? [];
    for (const line of text.split('\n')) texts.push(`#${line.trimEnd()}`);
    byStep.set(step, texts);
  }
  return { above, behind };
}
