import { PAGE_SIZE } from '../base/page.ts';
import { InputError } from '../language/input-error.ts';
import type { MachineSettings } from '../language/suite.ts';
import { profiles } from '../model/kernel/profile.ts';
import { World, type WorldConfiguration } from '../model/world.ts';

/**
 * Builds a world after boot for a kernel profile. Settings not given have their defaults.
 *
 * @throws InputError for an unknown kernel, an unknown setting, or a value that a setting cannot have
 */
export function bootWorld(kernel: string, settings: MachineSettings = {}): World {
  return earlyWorld(kernel, settings).finishBoot();
}

/** The same right before mark_rodata_ro(), for the suite that questions the end of boot. */
export function earlyWorld(kernel: string, settings: MachineSettings = {}): World {
  const profile = profiles.get(kernel);
  if (profile === undefined) {
    throw new InputError(`unknown kernel ${JSON.stringify(kernel)}; known are ${[...profiles.keys()].join(', ')}`);
  }
  return new World(profile, configurationOf(settings));
}

const MIB = 1024 * 1024;

/** How each machine setting is read; the second part says what a value may be. */
const readers: Readonly<Record<string, readonly [(word: string) => unknown, string]>> = {
  cpus: [(word) => numberIn(word, 1, 64), 'a number from 1 to 64'],
  nodes: [(word) => numberIn(word, 1, 64), 'a number from 1 to 64'],
  levels: [(word) => ({ 4: 4, 5: 5 })[word], '4 or 5'],
  pse: [switchOf, 'on or off'],
  gbpages: [switchOf, 'on or off'],
  memory: [(word) => evenNumberIn(word, 64, 65_536), 'an even number of MiB from 64 to 65536'],
  module_offset: [(word) => numberIn(word, 0, 1024), 'a number of pages from 0 to 1024'],
};

/** The configuration that settings stand for, defaults included. */
export function configurationOf(settings: MachineSettings): WorldConfiguration {
  const values = new Map<string, unknown>();
  for (const [key, word] of Object.entries(settings)) {
    const reader = readers[key];
    if (reader === undefined) {
      throw new InputError(`unknown machine setting ${key}; known are ${Object.keys(readers).join(', ')}`);
    }
    const [read, range] = reader;
    const value = read(word);
    if (value === undefined) throw new InputError(`machine setting ${key} is ${range}, not ${JSON.stringify(word)}`);
    values.set(key, value);
  }
  const pse = (values.get('pse') as boolean | undefined) ?? true;
  return {
    cpus: (values.get('cpus') as number | undefined) ?? 2,
    nodes: (values.get('nodes') as number | undefined) ?? 1,
    levels: (values.get('levels') as 4 | 5 | undefined) ?? 4,
    pse,
    gigabytePages: pse && ((values.get('gbpages') as boolean | undefined) ?? true),
    frames: (((values.get('memory') as number | undefined) ?? 4096) * MIB) / PAGE_SIZE,
    moduleOffset: (values.get('module_offset') as number | undefined) ?? 0,
  };
}

function numberIn(word: string, min: number, max: number): number | undefined {
  const value = /^[0-9]{1,9}$/.test(word) ? Number(word) : Number.NaN;
  return value >= min && value <= max ? value : undefined;
}

function evenNumberIn(word: string, min: number, max: number): number | undefined {
  const value = numberIn(word, min, max);
  return value !== undefined && value % 2 === 0 ? value : undefined;
}

function switchOf(word: string): boolean | undefined {
  return word === 'on' ? true : word === 'off' ? false : undefined;
}
