import { fromHex } from '../base/bytes.ts';
import { printAssembly } from '../model/bpf/assembly-print.ts';
import { parseBtf } from '../model/bpf/btf/parse.ts';
import { printAsC } from '../model/bpf/btf/print-as-c.ts';
import { spellAsC } from '../model/bpf/core-relocation/spell-as-c.ts';
import { decodeInstructions } from '../model/bpf/instruction.ts';
import { type CoreDivergence, priorOf } from '../targets/live/core/core-campaign.ts';
import type { Verdict } from '../targets/live/core/core-comparison.ts';
import { recordsOf } from './core-case-load.ts';

/** A program that the model and the running kernel relocate differently, as lines for people. */
export function divergenceText({ plan, load, model, kernel }: CoreDivergence): readonly string[] {
  const local = parseBtf(load.btf);
  const records = recordsOf(load);
  const roots = records.map(({ typeId }) => typeId);
  const asked = records.map((record) => `${record.instructionOffset / 8}: ${spellAsC(local, record)}`);
  return [
    ...printAsC(local, roots).trimEnd().split('\n'),
    '',
    'asks at instruction',
    ...asked.map((line) => `  ${line}`),
    ...priorOf(plan).map(({ name, kind }) => `after a question about ${kind} ${name}`),
    ...(plan.debugInfo ? [] : ['loaded without func_info']),
    ...verdictText('model', model),
    ...verdictText('kernel', kernel),
  ];
}

function verdictText(who: string, verdict: Verdict): readonly string[] {
  if (!verdict.ok) return [`the ${who} refuses with ${verdict.errno}`];
  const text = printAssembly(decodeInstructions(fromHex(verdict.program)!)!, 'plain').trimEnd();
  return [`the ${who} loads`, ...text.split('\n').map((line) => `  ${line}`)];
}
