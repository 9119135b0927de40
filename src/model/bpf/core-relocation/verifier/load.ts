/**
 * A program load without records: the checks before CO-RE relocation, those after it, and the image that results. Used on
 * its own for what libbpf relocated early, and in two halves by the late pipeline.
 */
import type { ProgramImage } from '../image.ts';
import { type Failure, isRefusal } from '../refusal.ts';
import { rewritten } from './rewrite.ts';
import { checkFunctionInfo, checkFunctions, checkOpcodes, checkReachable, functionStarts } from './shape.ts';
import { walkPaths } from './walk.ts';

export interface LoadContext {
  /** Instruction indexes of func_info; empty where none is passed. */
  readonly functionInfo: readonly number[];
  /** Size of the value behind loads of a map value's address, in bytes. */
  readonly mapValueBytes: number;
}

export interface Loaded {
  readonly kind: 'loaded';
  /** The program as BPF_OBJ_GET_INFO_BY_FD gives it back. */
  readonly image: Uint8Array;
}

/** Loads a program that needs no relocation. */
export function loadProgram(image: ProgramImage, context: LoadContext): Loaded | Failure {
  return checkBeforeRelocation(image, context) ?? verifyAfterRelocation(image, context);
}

/** What 6.18 checks before it looks at CO-RE records. */
export function checkBeforeRelocation(image: ProgramImage, context: LoadContext): Failure | undefined {
  const starts = functionStarts(image);
  if (isRefusal(starts)) return starts;
  const functions = checkFunctions(image, starts);
  if (functions !== undefined || context.functionInfo.length === 0) return functions;
  return checkFunctionInfo(starts, context.functionInfo);
}

/** What it checks afterwards. */
export function verifyAfterRelocation(image: ProgramImage, context: LoadContext): Loaded | Failure {
  const shape = checkOpcodes(image) ?? checkReachable(image);
  if (shape !== undefined) return shape;
  const walked = walkPaths(image, context.mapValueBytes);
  return isRefusal(walked) ? walked : { kind: 'loaded', image: rewritten(image, walked.seen) };
}
