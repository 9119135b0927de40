import { Refusal } from '../language/operation.ts';
import type { JournaledWorld, Suite } from '../language/suite.ts';
import type { CompiledOperation } from './compiled-operation.ts';
import type { Judge } from './judge.ts';
import { livesOf, type ResultKind } from './pool.ts';
import type { Stage } from './stage.ts';
import type { StepColumns } from './step-columns.ts';

/** How far a replay has come in the columns. */
export interface Cursor {
  step: number;
  number: number;
  other: number;
  result: number;
  /** Steps performed. The others made no sense and are left out. */
  performed: number;
}

/** Performs recorded steps from the cursor on, to their end or until a law breaks, and moves the cursor. */
export type Replay<World extends JournaledWorld> = (
  cast: ReplayCast<World>,
  columns: StepColumns,
  cursor: Cursor,
) => void;

export interface ReplayCast<World extends JournaledWorld> {
  readonly stage: Stage<World>;
  readonly operations: readonly CompiledOperation[];
  readonly judge: Judge<World>;
}

/**
 * Writes out the loop that performs recorded steps of a suite: one case for each operation and one call for each law, so that
 * the machine's compiler sees each of them alone and can merge it into the loop. That halves what a step costs beside the
 * model's own work; the loops of {@link Session.carryOut} do the same for steps that come one at a time.
 */
export function compileReplay<World extends JournaledWorld>(
  suite: Suite<World>,
  operations: readonly CompiledOperation[],
  judge: Judge<World>,
  kinds: readonly ResultKind[],
): Replay<World> {
  const byJudging = replays.get(suite) ?? new Map<boolean, Replay<World>>();
  replays.set(suite, byJudging);
  let replay = byJudging.get(judge.isJudging) as Replay<World> | undefined;
  if (replay === undefined) {
    const scope: Record<string, unknown> = { Refusal };
    for (const { operation, index } of operations) scope[`operation${index}`] = operation;
    for (const [index, { law }] of judge.stateLaws.entries()) scope[`law${index}`] = law;
    const source = `return ${sourceOf(operations, judge, kinds)};\n//# sourceURL=roxcheck/replay/${encodeURIComponent(suite.name)}`;
    replay = new Function(...Object.keys(scope), source)(...Object.values(scope)) as Replay<World>;
    byJudging.set(judge.isJudging, replay);
  }
  return replay;
}

/** Sessions come and go; what the machine has optimised for a suite stays. */
// biome-ignore lint/suspicious/noExplicitAny: each replay is of its key's world
const replays = new WeakMap<Suite<any>, Map<boolean, Replay<any>>>();

function sourceOf<World extends JournaledWorld>(
  operations: readonly CompiledOperation[],
  judge: Judge<World>,
  kinds: readonly ResultKind[],
): string {
  return `({ stage, operations, judge }, columns, cursor) => {
    const { world, pool } = stage;
    const { journal } = world;
    const { codes, numbers, others, length } = columns;
    const { objects } = pool;
    let { step, number, other, result, performed } = cursor;
    let taken, returned, begun;
    ${judge.stateLaws.map((_, at) => `const { violated: violated${at} } = judge.stateLaws[${at}];`).join('\n')}
    const ok = new Float64Array(operations.length), refused = new Float64Array(operations.length);
    try {
      while (step < length) {
        switch (codes[step++]) {
          ${operations.map((compiled) => caseOf(compiled, judge.isFollowing, kinds)).join('\n')}
        }
        performed++;
        ${judge.stateLaws.map((_, at) => `law${at}.judge(world, violated${at});`).join('\n')}
        if (judge.anyBroken) {
          ${judge.isFollowing ? '' : 'stage.tell(operations[codes[step - 1]], taken, returned, begun);'}
          break;
        }
      }
    } finally {
      for (let index = 0; index < ok.length; index++) operations[index].count(ok[index], refused[index]);
      judge.countStates(performed - cursor.performed);
      cursor.step = step; cursor.number = number; cursor.other = other; cursor.result = result; cursor.performed = performed;
    }
  }`;
}

function caseOf(
  { operation, index, names, narrow, wide, uses, kindIndices, endedKind }: CompiledOperation,
  isFollowing: boolean,
  kinds: readonly ResultKind[],
): string {
  const columnOf = (name: string) => {
    const [at, otherAt] = [narrow.indexOf(name), wide.indexOf(name)];
    return at >= 0 ? `numbers[number - ${narrow.length - at}]` : `others[other - ${wide.length - otherAt}]`;
  };
  const checks = uses.map(({ name, argument }, at) => {
    const { live, ended } = livesOf(kinds.findIndex(({ name: kind }) => kind === argument.makes));
    const wanted = { live: [live], ended: [ended], any: [live, ended] }[argument.life];
    const isOther = wanted.map((code) => `life${at} !== ${code}`).join(' && ');
    return `const id${at} = ${columnOf(name)}, life${at} = pool.lives[id${at}]; if (${isOther}) continue;`;
  });
  const fields = names.map((name) => {
    const at = uses.findIndex((use) => use.name === name);
    return `${JSON.stringify(name)}: ${at >= 0 ? `objects[id${at}]` : columnOf(name)}`;
  });
  const ended = uses.findIndex(({ name }) => name === operation.ends);
  return `case ${index}: {
    number += ${narrow.length}; other += ${wide.length}; result += ${kindIndices.length};
    ${checks.join('\n')}
    taken = { ${fields.join(', ')} };
    ${operation.ready === undefined ? '' : `if (!operation${index}.ready(world, taken)) continue;`}
    ${
      isFollowing
        ? `returned = stage.apply(operations[${index}], taken); judge.followStep(world, stage.happened);`
        : `begun = journal.position; returned = operation${index}.apply(world, taken);`
    }
    if (typeof returned === 'object' && returned instanceof Refusal) {
      refused[${index}]++;
      break;
    }
    ok[${index}]++;
    ${kindIndices.length === 1 ? `pool.bind(result - 1, ${kindIndices[0]}, returned);` : ''}
    ${kindIndices.length > 1 ? `stage.bindSeveral(operations[${index}], result - ${kindIndices.length}, returned);` : ''}
    ${ended >= 0 ? `pool.end(id${ended}, ${endedKind});` : ''}
    break;
  }`;
}
