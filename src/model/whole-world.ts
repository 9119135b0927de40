import type { ArenaProfile } from './bpf/arena-profile.ts';
import { Arenas } from './bpf/arenas.ts';
import { SOUND_DECISIONS } from './bpf/jit/decisions.ts';
import { type ControlFlow, type JitMachine, PLAIN_MACHINE } from './bpf/jit/machine.ts';
import type { MitigationSet } from './bpf/jit/mitigations.ts';
import { JIT_BEHAVIOUR, type JitKernel } from './bpf/jit/profile.ts';
import type { BpfProgram } from './bpf/life/bpf-program.ts';
import { imagePlaces, KernelObjects, writeKernelText } from './bpf/life/kernel-objects.ts';
import { ProgArray } from './bpf/life/prog-array.ts';
import { type ProgramRun, type RunParts, runBoth } from './bpf/life/program-run.ts';
import { Programs } from './bpf/life/programs.ts';
import { SOUND_VERIFIER } from './bpf/verifier/decisions.ts';
import type { Binary } from './kernel/binary-pack.ts';
import type { KernelProfile } from './kernel/profile.ts';
import { PageReferences } from './kernel/user-memory/page-references.ts';
import { World, type WorldConfiguration } from './world.ts';

/** What decides about programs beyond the kernel's memory: versions of the JIT and of arenas, and how the machine was booted. */
export interface WholeProfile {
  readonly kernel: KernelProfile;
  readonly jit: JitKernel;
  readonly arena: ArenaProfile;
  readonly mitigations: MitigationSet;
  /** Facts G11; no release is confirmed. */
  readonly arenaAsOperand: 'refused' | 'arena';
}

/** Slots of the one program array. */
const ARRAY_SLOTS = 4;

/**
 * The whole chain: a machine with its kernel's memory, program packs and text poking, on which BPF programs with arenas are
 * loaded, compiled, placed and run.
 */
export class WholeWorld extends World {
  readonly references: PageReferences;
  readonly arenas: Arenas;
  readonly array: ProgArray;
  readonly programs: Programs;
  readonly #runParts: RunParts;
  /** Text of the kernel's own that keeps the first pack from being released while it is there. */
  readonly #resident: { text: Binary | undefined } = { text: undefined };
  readonly #last: { run: ProgramRun | undefined } = { run: undefined };

  constructor({ kernel, jit, arena, mitigations, arenaAsOperand }: WholeProfile, configuration: WorldConfiguration) {
    super(kernel, configuration);
    const { journal, machine, failing, vmapAreas, layout } = this;
    this.references = new PageReferences(journal, machine.memory);
    const { references } = this;
    this.arenas = new Arenas({
      journal,
      machine,
      references,
      failing,
      vmapAreas,
      vmalloc: layout.vmalloc,
      profile: arena,
    });
    const jitMachine = machineOf(this, jit, mitigations);
    writeKernelText(this, jitMachine);
    const objects = new KernelObjects(this);
    const now = {
      jit: () => this.programs?.jit ?? jitMachine,
      cfiBytes: () => this.programs.cfiBytes(),
      programs: () => this.programs.all.items,
    };
    this.array = new ProgArray({ world: this, objects, size: ARRAY_SLOTS, ...now });
    const { array } = this;
    this.programs = new Programs({
      world: this,
      objects,
      array,
      rules: { acquireRelease: arena.acquireRelease, signedArenaLoads: arena.signedLoads, arenaAsOperand },
      decisions: { ...SOUND_VERIFIER, extendsArenaExchange: arena.extendsCmpxchg32 },
      jit: jitMachine,
    });
    const clearsFaultedAtomics = arena.faultingAtomic === 'clears-destination';
    const { faultReports: reportsFaults, extendsCmpxchg32: extendsArenaExchange } = arena;
    this.#runParts = { world: this, objects, array, clearsFaultedAtomics, extendsArenaExchange, reportsFaults, ...now };
  }

  /** Takes text for the kernel's own use, as the programs do that an init system loads first. Call it once, after boot. */
  takeResidentText(): this {
    this.#resident.text = this.text.binaries.allocate({ length: 40, align: 4, random: 0, capable: true, cpu: 0 });
    return this;
  }

  get hasResidentText(): boolean {
    return this.#resident.text !== undefined;
  }

  /** From here on packs come and go with the programs of the trace. */
  freeResidentText(cpu: number): void {
    if (this.#resident.text !== undefined) this.text.binaries.free(this.#resident.text, cpu);
    this.journal.set(this.#resident, 'text', undefined);
  }

  /** The hash by which the kernel calls programs. */
  readonly mainHash = KCFI.hashes.main;

  /** The last run that was compared. */
  get lastRun(): ProgramRun | undefined {
    return this.#last.run;
  }

  /** Runs a program on a CPU and in the interpreter; undefined when it does not end. */
  run(program: BpfProgram, cpu: number, words: readonly bigint[]): ProgramRun | undefined {
    const run = runBoth(this.#runParts, program, { cpu, words });
    if (run !== undefined) this.journal.set(this.#last, 'run', run);
    return run;
  }
}

/** The machine that the JIT compiles for: places of the world's own image, and kCFI as its compiler would have it. */
function machineOf(world: World, kernel: JitKernel, mitigations: MitigationSet): JitMachine {
  const { callBase, returnThunk, jumpThunk, callDepth } = imagePlaces(world);
  const throughThunks = mitigations !== 'off';
  return {
    ...PLAIN_MACHINE,
    behaviour: JIT_BEHAVIOUR[kernel],
    decisions: SOUND_DECISIONS,
    callBase,
    returnThunk: mitigations === 'its' || mitigations === 'calldepth' ? returnThunk : undefined,
    trapAfterReturn: !throughThunks,
    indirectJump: throughThunks ? { kind: 'thunk', address: jumpThunk } : { kind: 'plain', trapAfter: true },
    callDepthCounter: mitigations === 'calldepth' ? callDepth : undefined,
    controlFlow: KCFI,
  };
}

/** The hashes are a compiler's; any two numbers will do. */
const KCFI = {
  kind: 'kcfi',
  hashes: { main: 0x1234_5678, subprogram: 0x2345_6789 },
  callPadding: true,
  ibt: false,
} as const satisfies ControlFlow;
