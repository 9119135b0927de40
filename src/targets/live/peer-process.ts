import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, readSync, writeSync } from 'node:fs';
import { type CallWords, Libc } from './libc.ts';
import { UserSpace } from './user-space.ts';

/**
 * A second process for traces: it performs one system call after the other as it is told through a pipe, and ends when the
 * pipe is closed, whichever way its owner ends. Everything is synchronous, since a trace is.
 */
export class PeerProcess {
  readonly space: UserSpace;
  readonly #child: ChildProcess;
  readonly #commands: number;
  readonly #answers: number;
  readonly #frame = new BigInt64Array(7);
  readonly #answer = new BigInt64Array(1);
  readonly #descriptors = new Map<number, number>();
  #self = -1;

  private constructor(libc: Libc, child: ChildProcess, commands: number, answers: number) {
    this.#child = child;
    this.#commands = commands;
    this.#answers = answers;
    const perform = (number: number, words: CallWords) => this.#call(number, words);
    this.space = new UserSpace(libc, {
      pid: child.pid!,
      perform,
      descriptorOf: (descriptor) => this.#descriptorOf(descriptor),
    });
  }

  /** `built` is this module as Node can load it; the process loads nothing else, and is there in no time. */
  static start(libc: Libc, built: URL): PeerProcess {
    const commands = openPipe(libc);
    const answers = openPipe(libc);
    // A session of its own: Ctrl-C is for the one that closes the pipe.
    const program = `import { ${servePeer.name} } from '${built}'; await ${servePeer.name}();`;
    const child = spawn(process.execPath, ['--input-type=module', '--eval', program], {
      detached: true,
      stdio: ['ignore', 'ignore', 'inherit', commands.read, answers.write],
    });
    child.unref();
    closeSync(commands.read);
    closeSync(answers.write);
    return new PeerProcess(libc, child, commands.write, answers.read);
  }

  /** Forgets what a trace has left: mappings and descriptors. */
  reset(): void {
    this.space.clear();
    for (const descriptor of [...this.#descriptors.keys()]) this.forget(descriptor);
  }

  /** Lets go of a descriptor of ours that is about to mean something else. */
  forget(descriptor: number): void {
    const own = this.#descriptors.get(descriptor);
    if (own === undefined) return;
    this.#descriptors.delete(descriptor);
    this.#call(SYS_CLOSE, [own, 0, 0, 0, 0, 0]);
  }

  end(): void {
    this.space.close();
    closeSync(this.#commands);
    closeSync(this.#answers);
    this.#child.kill();
  }

  /** The peer fetches the descriptor itself (pidfd_getfd, 5.6), which whoever may trace us may do. */
  #descriptorOf(descriptor: number): number {
    const known = this.#descriptors.get(descriptor);
    if (known !== undefined) return known;
    if (this.#self < 0) this.#self = this.#call(SYS_PIDFD_OPEN, [process.pid, 0, 0, 0, 0, 0]);
    const own = this.#call(SYS_PIDFD_GETFD, [this.#self, descriptor, 0, 0, 0, 0]);
    if (own < 0) throw new Error(`the second process may not have a descriptor of ours: errno ${-own}`);
    this.#descriptors.set(descriptor, own);
    return own;
  }

  #call(number: number, words: CallWords): number {
    this.#frame[0] = BigInt(number);
    for (const [index, word] of words.entries()) this.#frame[index + 1] = BigInt(word);
    writeSync(this.#commands, this.#frame);
    if (readSync(this.#answers, this.#answer) !== 8) throw new Error('the second process has ended');
    return Number(this.#answer[0]);
  }
}

/** What a peer does: performs the calls that arrive on descriptor 3 and answers on 4, until nobody asks any more. */
export async function servePeer(): Promise<void> {
  const libc = await Libc.open();
  if (typeof libc === 'string') throw new Error(libc);
  const frame = new BigInt64Array(7);
  const answer = new BigInt64Array(1);
  while (readSync(3, frame) === frame.byteLength) {
    const [number, ...words] = frame;
    answer[0] = BigInt(libc.callAt(Number(number), words as unknown as CallWords));
    writeSync(4, answer);
  }
}

function openPipe(libc: Libc): { readonly read: number; readonly write: number } {
  const memory = libc.allocate(4096);
  const refused = libc.syscall(SYS_PIPE2, memory.address, O_CLOEXEC, 0);
  const [read, write] = [memory.view.getInt32(0, true), memory.view.getInt32(4, true)];
  libc.munmap(memory.address, 4096);
  if (refused < 0) throw new Error(`no pipe for a second process: errno ${-refused}`);
  return { read, write };
}

const SYS_CLOSE = 3;
const SYS_PIPE2 = 293;
const SYS_PIDFD_OPEN = 434;
const SYS_PIDFD_GETFD = 438;
const O_CLOEXEC = 0o2000000;
