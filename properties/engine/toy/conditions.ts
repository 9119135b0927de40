import type { Step } from '../../../src/language/trace.ts';
import { MOST_PIECES } from './world.ts';

/** A piece as one keeps account of it on paper. */
interface Account {
  readonly tag: number;
  readonly length: number;
  sealed: boolean;
  cycles: number;
}

/** When a planted fault shows, in words of the trace alone: asked at each step before it changes the account. */
export type Condition = () => (step: Step, account: ReadonlyMap<number, Account>) => boolean;

/** {@link leakAfterCycles}: a piece with a high tag is freed that was sealed and unsealed often enough. */
export const leaks =
  (cycles: number, lowestTag: number): Condition =>
  () =>
  ({ operation: { name }, args }, account) => {
    const piece = account.get(args.piece as number);
    return name === 'free' && piece !== undefined && piece.tag >= lowestTag && piece.cycles >= cycles;
  };

/** {@link staleHole}: such a piece is freed while another is sealed, often enough, and then its length is asked for. */
export const stale =
  (times: number, lowestTag: number): Condition =>
  () => {
    let [holes, last] = [0, -1];
    return ({ operation: { name }, args }, account) => {
      if (name === 'alloc') return holes >= times && args.length === last;
      const piece = account.get(args.piece as number);
      const others = [...account].filter(([id]) => id !== args.piece);
      if (name === 'free' && piece!.tag >= lowestTag && others.some(([, { sealed }]) => sealed)) {
        holes++;
        last = piece!.length;
      }
      return false;
    };
  };

/** Performs steps on paper: whether the condition is met at the last one and no sooner, and what made no sense. */
export function performByHand(condition: Condition, steps: readonly Step[]) {
  const account = new Map<number, Account>();
  const isMet = condition();
  const leftOut: Step[] = [];
  for (const [index, step] of steps.entries()) {
    if (!isReady(step, account)) {
      leftOut.push(step);
      continue;
    }
    if (isMet(step, account)) return { fails: index === steps.length - 1, leftOut };
    enter(step, account);
  }
  return { fails: false, leftOut };
}

function isReady({ operation: { name }, args }: Step, account: ReadonlyMap<number, Account>): boolean {
  if (name === 'alloc') return account.size < MOST_PIECES;
  const piece = account.get(args.piece as number);
  return piece !== undefined && piece.sealed === (name === 'unseal');
}

function enter({ operation: { name }, args, made }: Step, account: Map<number, Account>): void {
  const { tag, length, piece } = args as { readonly tag: number; readonly length: number; readonly piece: number };
  if (name === 'alloc') account.set(made[0]!, { tag, length, sealed: false, cycles: 0 });
  if (name === 'free') account.delete(piece);
  if (name === 'seal') account.get(piece)!.sealed = true;
  if (name === 'unseal') {
    account.get(piece)!.sealed = false;
    account.get(piece)!.cycles++;
  }
}
