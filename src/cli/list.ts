import type { Registry } from '../lab/registry.ts';
import { kindsMade } from '../language/operation.ts';
import { hazards } from '../targets/live/hazards.ts';
import { ALL_WELL } from './exit-codes.ts';
import type { Verb } from './verb.ts';

/** One entry of a list: a name, a sentence, and what else programs want to know. */
interface Entry {
  readonly name: string;
  readonly sentence: string;
  readonly [detail: string]: unknown;
}

export const listVerb: Verb = {
  name: 'list',
  does: 'lists what there is, with one sentence each',
  words: [
    {
      syntax: '<what>',
      does: 'what to list',
      choices: ['suites', 'operations', 'laws', 'faults', 'kernels', 'kernel-bugs', 'hazards'],
    },
  ],
  async act(desk, [what]) {
    const key = what === 'kernel-bugs' ? 'kernelBugs' : what!;
    const entries = LISTS[key]!(desk.registry);
    for (const { name, sentence } of entries) desk.say(`${desk.colours.bold(name)}\n    ${sentence}`);
    if (entries.length === 0) desk.say(`There are no ${what} yet.`);
    return { exitCode: ALL_WELL, document: { [key]: entries } };
  },
};

const LISTS: Readonly<Record<string, (registry: Registry) => readonly Entry[]>> = {
  suites: ({ suites }) =>
    suites.map(({ name, about, kernels, runs, steps, operations, invariants, faults = [] }) => ({
      name,
      sentence: about,
      kernels,
      runs,
      steps,
      operations: operations.map((operation) => operation.name),
      laws: invariants.map((law) => law.name),
      faults: faults.map((fault) => fault.name),
    })),
  operations: (registry) =>
    registry.operations().map(({ thing, suites }) => ({
      name: thing.name,
      sentence: thing.does,
      suites,
      takes: Object.keys(thing.takes),
      makes: kindsMade(thing),
    })),
  laws: (registry) => registry.laws().map(({ thing, suites }) => ({ name: thing.name, sentence: thing.law, suites })),
  faults: (registry) =>
    registry.faults().map(({ name, story, breaks, alsoBreaks = [], kernel, suite, source }) => ({
      name,
      sentence: story,
      story,
      breaks,
      alsoBreaks,
      kernel,
      suite,
      source,
    })),
  hazards: () =>
    hazards.map(({ name, story, harm, source, kernels }) => ({
      name,
      sentence: `${harm}: ${story}`,
      story,
      harm,
      source,
      kernels: kernels ?? 'all',
    })),
  kernels: (registry) => registry.kernels().map(({ thing, suites }) => ({ ...thing, suites })),
  kernelBugs: (registry) =>
    registry.kernelBugs().map(({ thing: { name, story, kernels, laws, fix }, suites }) => ({
      name,
      sentence: story,
      kernels,
      laws,
      fix,
      suites,
    })),
};
