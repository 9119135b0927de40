import type { Btf } from '../../../model/bpf/btf/blob.ts';
import { CandidateCache, targetFrom } from '../../../model/bpf/core-relocation/candidates.ts';
import { questionAbout } from './candidate-cache.ts';
import type { CoreLoad, CoreOutcome } from './core-load.ts';
import type { PriorQuestion } from './core-recorder.ts';
import { type ModelledKernel, onModel } from './modelled-load.ts';

/** What a load comes to, as the kernel and the model both can say it: the errno, or the program in hexadecimal digits. */
export type Verdict = { readonly ok: true; readonly program: string } | { readonly ok: false; readonly errno: string };

/** What the model of a kernel does with a load after other questions; its types are those of the running kernel. */
export function predicted(
  load: CoreLoad,
  prior: readonly PriorQuestion[],
  profile: ModelledKernel,
  kernelTypes: Btf,
): Verdict {
  const cache = new CandidateCache(targetFrom(kernelTypes), profile.kernel);
  for (const { name, kind } of prior) onModel(questionAbout(name, kind), profile, cache);
  const outcome = onModel(load, profile, cache);
  if (outcome.kind === 'loaded') return { ok: true, program: hex(outcome.image) };
  return { ok: false, errno: outcome.kind === 'oops' ? 'crash' : outcome.errno };
}

/** The same of what was observed; undefined for a load that was never sent. */
export function verdictOf(outcome: CoreOutcome): Verdict | undefined {
  if (outcome.kind === 'withheld') return undefined;
  return outcome.kind === 'loaded' ? { ok: true, program: hex(outcome.image) } : { ok: false, errno: outcome.errno };
}

export function sameVerdict(left: Verdict, right: Verdict): boolean {
  return JSON.stringify(left) === JSON.stringify(right);
}

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
