/**
 * An archive in the "newc" form of cpio, as the kernel unpacks it into its first root file system (usr/gen_init_cpio.c and
 * Documentation/driver-api/early-userspace/buffer-format.rst). Regular files, folders and character devices are all that is
 * needed; owners are root, times are 0, so equal contents make equal bytes.
 */
export class CpioArchive {
  readonly #parts: Uint8Array[] = [];
  readonly #folders = new Set<string>();
  #entries = 0;

  /** Adds a file, and the folders above it. Paths are absolute; a later file of the same path replaces the earlier one. */
  file(path: string, content: Uint8Array, mode = 0o644): void {
    this.#above(path);
    this.#entry(path, { mode: REGULAR | mode, content });
  }

  folder(path: string): void {
    if (path === '/' || this.#folders.has(path)) return;
    this.#above(path);
    this.#folders.add(path);
    this.#entry(path, { mode: FOLDER | 0o755 });
  }

  characterDevice(path: string, major: number, minor: number): void {
    this.#above(path);
    this.#entry(path, { mode: CHARACTER_DEVICE | 0o600, major, minor });
  }

  /** The bytes in parts, the end of the archive included; nothing may be added afterwards. */
  parts(): readonly Uint8Array[] {
    this.#entry('/TRAILER!!!', { mode: 0 });
    return this.#parts;
  }

  #above(path: string): void {
    this.folder(path.slice(0, path.lastIndexOf('/')) || '/');
  }

  /** Names are stored without the first slash; name and content each end at a multiple of four bytes. */
  #entry(path: string, { mode, content = EMPTY, major = 0, minor = 0 }: Entry): void {
    const name = Buffer.from(`${path.slice(1)}\0`);
    const isFolder = (mode & FOLDER) === FOLDER;
    const fields = [
      this.#entries++,
      mode,
      0, // user
      0, // group
      isFolder ? 2 : 1, // links
      0, // time
      content.length,
      0, // device of the archive, major
      0, // and minor
      major,
      minor,
      name.length,
      0, // the checksum is not used in this form
    ];
    const header = `070701${fields.map((field) => field.toString(16).padStart(8, '0')).join('')}`;
    this.#parts.push(padded(Buffer.concat([Buffer.from(header), name])), padded(content));
  }
}

interface Entry {
  readonly mode: number;
  readonly content?: Uint8Array;
  readonly major?: number;
  readonly minor?: number;
}

/** Large contents are not copied when they end where they should. */
function padded(bytes: Uint8Array): Uint8Array {
  const missing = -bytes.length & 3;
  return missing === 0 ? bytes : Buffer.concat([bytes, Buffer.alloc(missing)]);
}

const REGULAR = 0o100_000;
const FOLDER = 0o040_000;
const CHARACTER_DEVICE = 0o020_000;
const EMPTY = new Uint8Array();
