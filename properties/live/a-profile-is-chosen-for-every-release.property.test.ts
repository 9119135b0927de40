import { expect, test } from 'vitest';
import { profiles } from '../../src/model/kernel/profile.ts';
import { chooseProfile } from '../../src/targets/live/kernel-profile.ts';

const names = ['6.18', '6.1', '6.12', '6.18.15', '7.3', 'prog-pack-first', 'per-program-text'];

test.each([
  ['6.18.44-fc-v595', '6.18', undefined],
  ['6.18.15+deb13-cloud-amd64', '6.18.15', undefined],
  ['6.1.0-56-cloud-amd64', '6.1', undefined],
  ['6.12.117', '6.12', undefined],
  ['7.3-rc7', '7.3', undefined],
  ['7.3.4+deb13', '7.3', undefined],
])('%s is judged by %s', (release, profile, caution) => {
  expect(chooseProfile(release, names)).toEqual({ profile, caution });
});

test.each([
  ['7.4.1', '7.3', 'newer than every profile'],
  ['10.0', '7.3', 'newer than every profile'],
  ['6.15.3', '6.12', 'no profile for 6.15.3'],
  ['7.0.13', '6.18', 'no profile for 7.0.13'],
  ['6.2', '6.1', 'no profile for 6.2'],
  ['5.10.0-21-amd64', '6.1', 'older than every profile'],
])('%s is judged by %s, said aloud', (release, profile, words) => {
  const chosen = chooseProfile(release, names);
  expect(chosen.profile).toBe(profile);
  expect(chosen.caution).toContain(words);
});

test("every release of the project's own profiles finds one", () => {
  for (const name of profiles.keys()) {
    if (/^\d/.test(name)) expect(chooseProfile(`${name}-generic`, [...profiles.keys()]).profile).toBe(name);
  }
});
