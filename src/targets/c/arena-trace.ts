import { performTrace } from '../../engine/perform.ts';
import { InputError } from '../../language/input-error.ts';
import type { Shown } from '../../language/operation.ts';
import type { Suite } from '../../language/suite.ts';
import type { Trace } from '../../language/trace.ts';
import { parseTrace } from '../../language/trace-text/parse.ts';
import { printStep, printTrace } from '../../language/trace-text/print.ts';
import { resultNames } from '../../language/trace-text/result-names.ts';
import type { ArenaWorld } from '../../model/arena-world.ts';
import type { ArenaCall } from '../../operations/arena-call.ts';
import { ARENA_OPERATION, accessArena, performOnArena } from '../live/arena-programs.ts';
import type { LiveInstruction } from '../live/bpf-instruction.ts';
import { type FollowedStep, toldTo } from '../live/lock-step.ts';
import { harness, includes, runtime, selftestHarness } from './runtime.ts';

export interface ExportOptions {
  readonly kernel: string;
  /** As prog_tests of the kernel's own selftests have it, under this name. */
  readonly selftest?: string;
}

/**
 * A trace of arenas as one C program: the same calls that the live target performs, each compared with what the model says, told
 * in KTAP. What only a look into the kernel can show (free slots, page tables, reports of faults) is left out.
 *
 * @throws InputError for a trace with a second process, or with a step that is not asked of a running kernel
 */
export function arenaTraceAsC(suite: Suite<ArenaWorld>, trace: Trace, { kernel, selftest }: ExportOptions): string {
  const told: FollowedStep[] = [];
  const followed = toldTo(suite, { catchUp: () => undefined, perform: (_, step) => told.push(step) });
  const { machine: _, expect: __, fault: ___, seed: ____, ...header } = trace.header;
  const plain = parseTrace(printTrace({ ...trace, header }), [followed]);
  const { skipped } = performTrace(followed, plain, { kernel });
  if (skipped.length > 0) throw new InputError(`step ${skipped[0]! + 1} is not asked of a running kernel`);
  const names = resultNames(plain);
  const writer = new Writer();
  const steps = told.map((step, index) => writer.step(printStep(plain.steps[index]!, names), step));
  const head = (trace.comments ?? []).filter(({ step }) => step === -1).map(({ text }) => ` *${text}`);
  const about = [
    '/*',
    ...head,
    ` * What kernel ${kernel} shows, by the model of roxcheck; needs CAP_BPF and CAP_PERFMON.`,
    ' */',
  ];
  const start = selftest === undefined ? [includes, harness] : [includes, '#include "test_progs.h"\n', selftestHarness];
  return [...about, ...start, runtime, ...writer.declarations, '', ...entry(steps, selftest), ''].join('\n');
}

function entry(steps: readonly string[], selftest: string | undefined): readonly string[] {
  if (selftest !== undefined) return [`void test_${selftest}(void)`, '{', ...steps, '}'];
  return [
    'int main(void)',
    '{',
    `\tprintf("KTAP version 1\\n1..${steps.length}\\n");`,
    ...steps,
    '\tprintf("# %s: %d of %d steps differ\\n", failures ? "FAIL" : "PASS", failures, step_count);',
    '\treturn failures != 0;',
    '}',
  ];
}

/** Writes steps as statements; objects of the model get variables in the order in which they are made. */
class Writer {
  readonly declarations: string[] = [];
  readonly #names = new Map<unknown, string>();
  #programs = 0;
  #processes = 0;

  step(text: string, { call, returned, shown }: FollowedStep): string {
    const title = JSON.stringify(text);
    const check = (expected: string, actual: string) => `\tcheck(${title}, ${expected}, ${actual});`;
    const made = (kind: string) => {
      const name = `${kind}${this.declarations.length}`;
      this.declarations.push(`static int64_t ${name};`);
      this.#names.set(kind === 'arena' ? (returned as { arena?: unknown }).arena : returned, name);
      return name;
    };
    switch (call.call) {
      case 'map-create': {
        const name = made('arena');
        const words = [call.flags, `${call.maxEntries}u`, word(call.mapExtra), call.keySize, call.valueSize];
        return `\t${name} = create_arena(${words.join(', ')});\n${check(expected(shown), `${name} < 0 ? ${name} : 0`)}`;
      }
      case 'prog-load': {
        const program = this.#program(performOnArena(PLACEHOLDER, FUNCTIONS));
        const name = made('program');
        const load = `\t${name} = load_program(${program}, COUNT(${program}), ${this.#name(call.arena.arena)});`;
        return `${load}\n${check(expected(shown), `${name} < 0 ? ${name} : 0`)}`;
      }
      case 'new-process':
        if (++this.#processes > 1) throw new InputError('a trace with a second process is not exported');
        return check('0', '0');
      default:
        return this.#plain(call, shown, check);
    }
  }

  #plain(call: ArenaCall, shown: Shown, check: (expected: string, actual: string) => string): string {
    switch (call.call) {
      case 'close-map':
        return check('0', `answer(close((int)${this.#name(call.arena.arena)}))`);
      case 'close-program':
        return check('0', `answer(close((int)${this.#name(call.program)}))`);
      case 'end-process':
        return check('0', `answer(munmap((void *)0x47f000000000, 0x31000000000))`);
      case 'map-freeze':
        return check(expected(shown), `freeze_map(${this.#name(call.arena.arena)})`);
      case 'map-element': {
        const words = [ELEMENTS[call.command], this.#name(call.arena.arena), Number(call.key), Number(call.value)];
        return check(expected(shown), `map_element(${words.join(', ')})`);
      }
      case 'alloc-pages': {
        const { address, count, node = -1, flags = 0n, program } = call;
        const page = shown === 'NULL' ? '0' : word(program.arena.userStart + (shown as bigint));
        return check(
          page,
          this.#run(program, 'alloc', [word(address), `${count}u`, `(uint64_t)${node}`, word(flags), '0', '0']),
        );
      }
      case 'free-pages':
        return check('0', this.#run(call.program, 'free', [word(call.address), `${call.count}u`, '0', '0', '0', '0']));
      case 'reserve-pages': {
        const ran = this.#run(call.program, 'reserve', [word(call.address), `${call.count}u`, '0', '0', '0', '0']);
        return check(expected(shown), `(int32_t)${ran}`);
      }
      case 'cast': {
        const operation = call.to === 'user' ? 'castUser' : 'castKernel';
        return check(
          expected(shown),
          this.#run(call.program, operation, [word(call.pointer), '0', '0', '0', '0', '0']),
        );
      }
      case 'access': {
        const program = this.#program(accessArena(PLACEHOLDER, call));
        const arena = this.#name(call.program.arena);
        const { value } = shown as { readonly value?: bigint };
        const load = `load_program(${program}, COUNT(${program}), ${arena})`;
        const ran = `run_once(${load}, ${word(call.pointer)}, ${word(call.value)}, ${word(call.expect)})`;
        return value === undefined ? check('0', `${ran} & 0`) : check(word(value), ran);
      }
      case 'mmap': {
        const { address, length, protection, flags, offset, arena } = call;
        const words = [word(address), word(length), protection, flags, `(int)${this.#name(arena.arena)}`, word(offset)];
        return check(expected(shown), `answer(syscall(SYS_mmap, ${words.join(', ')}))`);
      }
      case 'munmap':
        return check(expected(shown), `answer(syscall(SYS_munmap, ${word(call.address)}, ${word(call.length)}))`);
      case 'madvise-dontneed':
        return check('0', `answer(syscall(SYS_madvise, ${word(call.address)}, ${word(call.length)}, 4)) & 0`);
      case 'mprotect': {
        const words = [word(call.address), word(call.length), call.protection];
        return check(expected(shown), `answer(syscall(SYS_mprotect, ${words.join(', ')}))`);
      }
      case 'mremap': {
        const words = [
          word(call.address),
          word(call.oldLength),
          word(call.newLength),
          call.flags,
          word(call.newAddress),
        ];
        return check(expected(shown), `answer(syscall(SYS_mremap, ${words.join(', ')}))`);
      }
      case 'process-read': {
        const read = check(lengthOf(shown), `access_user(0, ${word(call.address)}, ${call.length})`);
        if (!(shown instanceof Uint8Array) || shown.length === 0) return read;
        const bytes = this.#bytes(shown);
        return `${read}\n\tif (memcmp(buffer, ${bytes}, sizeof(${bytes})))\n\t${check('0', '1')}`;
      }
      case 'process-write': {
        const written = check(expected(shown), `access_user(1, ${word(call.address)}, ${call.bytes.length})`);
        if (call.bytes.length === 0) return written;
        const bytes = this.#bytes(call.bytes);
        return `\tmemcpy(buffer, ${bytes}, sizeof(${bytes}));\n${written}`;
      }
      default:
        throw new InputError(`${call.call} is not exported`);
    }
  }

  #run(program: object, operation: keyof typeof ARENA_OPERATION, words: readonly string[]): string {
    return `run(${[this.#name(program), ARENA_OPERATION[operation], ...words].join(', ')})`;
  }

  #name(model: unknown): string {
    const name = this.#names.get(model);
    if (name === undefined) throw new InputError('a step names what the kernel refused to make');
    return name;
  }

  #program(instructions: readonly LiveInstruction[]): string {
    if (this.#programs === 0) this.declarations.push(...RUN_ONCE.split('\n'));
    const name = `instructions${++this.#programs}`;
    const lines = instructions.map(({ code, destination, source, offset, immediate }) => {
      const registers = destination | (source << 4);
      return `\t{ 0x${code.toString(16)}, 0x${registers.toString(16)}, ${offset}, ${immediate} },`;
    });
    this.declarations.push(`static const struct insn ${name}[] = {`, ...lines, '};');
    return name;
  }

  #bytes(bytes: Uint8Array): string {
    const name = `bytes${this.declarations.length}`;
    const isZero = bytes.every((byte) => byte === 0);
    this.declarations.push(`static const uint8_t ${name}[${bytes.length}] = { ${isZero ? '0' : bytes.join(', ')} };`);
    return name;
  }
}

const RUN_ONCE = `#define COUNT(array) ((int)(sizeof(array) / sizeof(*(array))))

/* A program with a single access: loaded, run and closed. */
static inline uint64_t run_once(int64_t program, uint64_t address, uint64_t value, uint64_t expected)
{
	uint64_t left = program < 0 ? (uint64_t)program : run(program, 0, address, 0, 0, 0, value, expected);

	if (program >= 0)
		close((int)program);
	return left;
}
`;

const word = (value: bigint): string => `0x${BigInt.asUintN(64, value).toString(16)}ull`;

/** An errno by its name, or the number. */
function expected(shown: Shown): string {
  if (typeof shown === 'string') return shown === '-ENOTSUPP' ? '-524' : `(uint64_t)${shown}`;
  if (typeof shown === 'bigint') return word(shown);
  return String(shown ?? 0);
}

const lengthOf = (shown: Shown): string => (shown instanceof Uint8Array ? String(shown.length) : expected(shown));

/** The C program puts the real numbers in. */
const PLACEHOLDER = 0;
const FUNCTIONS = { alloc: 0, free: 1, reserve: 2 };
const ELEMENTS = { lookup: 1, update: 2, delete: 3, 'next-key': 4 } as const;
