import { expect, it } from 'vitest';
import { Random } from '../../src/base/seed.ts';
import { Expected } from '../../src/language/argument.ts';
import { validate } from '../../src/model/bpf/validate.ts';
import { programArgument } from '../../src/operations/program-argument.ts';
import { drawProgram } from '../../src/operations/program-draw.ts';
import { simplerPrograms, without } from '../../src/operations/program-simpler.ts';
import { assembled, load, worldWithArena } from './programs.ts';

const NOBODY = { live: () => [], ended: () => [], object: () => undefined };

const drawn = Array.from({ length: 60 }, (_, number) =>
  drawProgram(
    { random: new Random(`drawn ${number}`), world: undefined, pool: NOBODY, boundaryLean: 0.2, sizeLean: 1 },
    number % 2 === 0,
  ),
);

it('what is left out takes the jumps to it along', () => {
  const program = assembled('r0 = 1\nif r0 == 0x1 goto pc+2\nr0 = 2\nr0 = 3\nr0 = 4\ngoto pc-5\nexit');
  expect(without(program, 3, 4)).toEqual(assembled('r0 = 1\nif r0 == 0x1 goto pc+1\nr0 = 2\nr0 = 4\ngoto pc-4\nexit'));
  expect(without(program, 2, 5)).toEqual(assembled('r0 = 1\nif r0 == 0x1 goto pc+0\ngoto pc-2\nexit'));
  const calling = assembled('call pc+2\nr0 = 0\nexit\nr0 = 7\nexit');
  expect(without(calling, 1, 2)).toEqual(assembled('call pc+1\nexit\nr0 = 7\nexit'));
});

it('no simpler program jumps into the middle of a wide load, and each is shorter or as long', () => {
  for (const program of drawn.slice(0, 12)) {
    for (const simpler of simplerPrograms(program)) {
      expect(simpler.length).toBeLessThanOrEqual(program.length);
      const strays = validate(simpler, { unverified: true }).filter(({ message }) =>
        message.includes('into the middle'),
      );
      expect(strays).toEqual([]);
    }
  }
});

it('programs survive being written as trace text', () => {
  const argument = programArgument(() => []);
  for (const program of drawn) {
    const again = argument.read(argument.write(program));
    expect(again).not.toBeInstanceOf(Expected);
    expect(again).toEqual(program);
  }
});

it('the verifier accepts what is drawn, but for what is drawn to be refused', () => {
  const world = worldWithArena('6.18');
  const answers = drawn.map((author, number) =>
    world.programs.load({ author, arena: number % 2 === 0 ? world.arenas.live[0]!.arena : undefined, blinded: false }),
  );
  const refused = answers.flatMap((answer) => ('state' in answer ? [] : [answer.message]));
  expect(refused.length).toBeLessThan(drawn.length / 5);
  for (const message of refused)
    expect(message).toMatch(/arena is not allowed|associated arena|different pointers|mem access/);
  expect('state' in load(world, 'r0 = 0\nexit')).toBe(true);
});
