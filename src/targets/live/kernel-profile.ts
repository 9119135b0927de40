import { compareVersions, versionOf } from './release.ts';

/**
 * Chooses the kernel profile for a release of the running kernel, and says how sure that is. Profiles named after versions
 * are asked: the one that names the release or its release candidates, else the newest that is not newer, else the oldest.
 */
export interface ChosenProfile {
  readonly profile: string;
  /** A sentence where the profile was not made for this release. */
  readonly caution: string | undefined;
}

/** `names` are profile names such as `6.18` or `6.18.15`; names that are no version stand for no release. */
export function chooseProfile(release: string, names: readonly string[]): ChosenProfile {
  const versions = names.filter((name) => /^\d+(?:\.\d+)+$/.test(name)).toSorted(compareVersions);
  const running = versionOf(release);
  const candidate = `${running}-rc`;
  if (release.startsWith(candidate) && names.includes(candidate)) return { profile: candidate, caution: undefined };

  const named = versions.filter((name) => running === name || running.startsWith(`${name}.`)).at(-1);
  if (named !== undefined) return { profile: named, caution: undefined };

  // Of the profiles for single stable releases none stands for another release of the same version.
  const whole = versions.filter((name) => name.split('.').length === 2);
  const older = whole.filter((name) => compareVersions(name, running) < 0).at(-1);
  const newest = whole.at(-1);
  if (older === undefined) {
    return {
      profile: whole[0]!,
      caution: `${release} is older than every profile; the oldest one, ${whole[0]}, is used`,
    };
  }
  const caution =
    older === newest
      ? `${release} is newer than every profile; the newest one, ${older}, is used`
      : `there is no profile for ${release}; the one before it, ${older}, is used`;
  return { profile: older, caution };
}
