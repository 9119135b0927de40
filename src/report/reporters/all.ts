import type { Reporter } from './findings-for-tools.ts';
import { github } from './github.ts';
import { jsonLines } from './json-lines.ts';
import { junit } from './junit.ts';
import { ktap } from './ktap.ts';

/** Every reporter under the name that `--report` calls it by. */
export const reporters: ReadonlyMap<string, Reporter> = new Map([
  ['junit', junit],
  ['ktap', ktap],
  ['github', github],
  ['jsonl', jsonLines],
]);
