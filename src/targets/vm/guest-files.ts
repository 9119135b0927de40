import { existsSync, readdirSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { CpioArchive } from './cpio-archive.ts';
import { type GuestJob, JOB_FILE } from './guest-link.ts';

/** Where the program lies in a guest. */
const GUEST_PROJECT = '/roxcheck';
export const GUEST_NODE = '/bin/node';
/** What the first process is told: a module of its own, for loading the whole program twice takes seconds under emulation. */
export const GUEST_INIT = '/init.mjs';
export const GUEST_PROGRAM = `${GUEST_PROJECT}/bin/roxcheck.js`;

/** What a guest's first file system is made of. */
export interface GuestContents {
  /** The folder of this project, built. */
  readonly project: string;
  readonly job: GuestJob;
  /** Files and folders that the verb is to find below its folder, as absolute paths here by relative paths there. */
  readonly brought: ReadonlyMap<string, string>;
}

/**
 * The first root file system of a guest: this Node with the shared libraries that it has loaded, this project as it is built, the
 * packages that it needs, and what the user's words name. Nothing is compressed: unpacking under emulation costs more than space.
 */
export function guestArchive({ project, job, brought }: GuestContents): CpioArchive {
  const archive = new CpioArchive();
  archive.characterDevice('/dev/console', 5, 1);
  archive.characterDevice('/dev/null', 1, 3);
  for (const folder of ['/proc', '/sys', '/tmp', job.folder]) archive.folder(folder);
  archive.file(GUEST_NODE, readFileSync(process.execPath), 0o755);
  for (const library of sharedLibraries()) archive.file(library, readFileSync(library), 0o755);
  for (const part of ['package.json', 'bin', 'dist']) copy(archive, join(project, part), `${GUEST_PROJECT}/${part}`);
  for (const [name, folder] of packagesOf(project)) copy(archive, folder, `${GUEST_PROJECT}/node_modules/${name}`);
  for (const [path, source] of brought) copy(archive, source, `${job.folder}/${path}`);
  archive.file(GUEST_INIT, Buffer.from(INIT_MODULE));
  archive.file(JOB_FILE, Buffer.from(JSON.stringify(job)));
  return archive;
}

/** The files that the dynamic linker has loaded into this process, itself included; packages bring their own. */
function sharedLibraries(): readonly string[] {
  const { sharedObjects } = process.report.getReport() as unknown as { readonly sharedObjects: readonly string[] };
  return sharedObjects.filter((path) => path.startsWith('/') && !path.endsWith('.node'));
}

/** The packages that a project needs at run time, theirs included, by name. A package has one version there, as in a flat install. */
export function packagesOf(project: string): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  const waiting = [realpathSync(project)];
  for (let folder = waiting.pop(); folder !== undefined; folder = waiting.pop()) {
    for (const name of dependenciesOf(folder)) {
      if (found.has(name) || NOT_NEEDED.has(name)) continue;
      const place = placeOf(name, folder);
      // An optional package for another system was never installed.
      if (place === undefined) continue;
      found.set(name, place);
      waiting.push(place);
    }
  }
  return found;
}

interface Manifest {
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

function dependenciesOf(folder: string): readonly string[] {
  const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest;
  return [...Object.keys(manifest.dependencies ?? {}), ...Object.keys(manifest.optionalDependencies ?? {})];
}

/** As Node resolves it: in the nearest node_modules of the folder or one above it. */
function placeOf(name: string, folder: string): string | undefined {
  for (let at = folder; ; at = dirname(at)) {
    const place = join(at, 'node_modules', name);
    if (existsSync(join(place, 'package.json'))) return realpathSync(place);
    if (at === dirname(at)) return undefined;
  }
}

function copy(archive: CpioArchive, source: string, path: string): void {
  if (!statSync(source).isDirectory()) {
    archive.file(path, readFileSync(source));
    return;
  }
  archive.folder(path);
  for (const name of readdirSync(source)) {
    if (!NOT_COPIED.test(name)) copy(archive, join(source, name), `${path}/${name}`);
  }
}

const INIT_MODULE = `import { actAsInit } from '${GUEST_PROJECT}/dist/targets/vm/guest-init.js';\nawait actAsInit();\n`;
/** Only draws pictures, and is loaded when it does. */
const NOT_NEEDED: ReadonlySet<string> = new Set(['echarts']);
/** A package's own packages are found by {@link packagesOf}; types and maps are for people. */
const NOT_COPIED = /^node_modules$|\.d\.[cm]?ts$|\.map$/;
