// A suite of your own in a few lines: a counter that must never pass its limit, and a fault that forgets the limit.
// Run it with: npx roxcheck run counter --with ./examples/counter.js
// and with its fault: npx roxcheck run --fault limit-forgotten --with ./examples/counter.js
import { fault, integer, invariant, Journal, operation, refuse, suite } from 'roxcheck';

class Counter {
  journal = new Journal();
  value = 0;
  limit = 100;
  mayGrow = (by) => this.value + by <= this.limit;
}

const add = operation({
  name: 'add',
  does: 'Adds to the counter; refused beyond its limit.',
  takes: { amount: integer({ min: 1, max: 60 }) },
  apply(counter, { amount }) {
    if (!counter.mayGrow(amount)) return refuse('-ERANGE');
    counter.journal.set(counter, 'value', counter.value + amount);
    return counter.value;
  },
});

const reset = operation({
  name: 'reset',
  does: 'Sets the counter to zero.',
  takes: {},
  ready: (counter) => counter.value > 0,
  apply: (counter) => counter.journal.set(counter, 'value', 0),
});

const withinLimit = invariant({
  name: 'within-limit',
  law: 'The counter never passes its limit.',
  judge({ value, limit }, violated) {
    if (value > limit) violated(`the counter is ${value}, its limit ${limit}`);
  },
});

const limitForgotten = fault({
  name: 'limit-forgotten',
  story: 'The counter checks only whether it has reached its limit, not whether it will pass it.',
  breaks: 'within-limit',
  kernel: 'any',
  suite: 'counter',
  source: 'an example',
  plant(counter) {
    counter.mayGrow = () => counter.value < counter.limit;
  },
});

export const suites = [
  suite({
    name: 'counter',
    about: 'A counter with a limit.',
    kernels: ['any'],
    boot: () => new Counter(),
    operations: [add, reset],
    invariants: [withinLimit],
    faults: [limitForgotten],
    runs: 200,
    steps: 50,
  }),
];
