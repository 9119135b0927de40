/**
 * What a running kernel is asked for in place of a step: a value, not code, so that whoever performs it (the live target) and
 * whoever prints it (the exporter of C programs) mean the same call. Objects that earlier steps made stand for themselves.
 */
export interface SystemCall {
  readonly call: string;
}
