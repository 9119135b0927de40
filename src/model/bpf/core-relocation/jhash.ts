/**
 * The kernel's jhash() of a byte string with initial value 0 (include/linux/jhash.h): Bob Jenkins' public-domain lookup3,
 * little endian. Only the slot of a name in the candidate cache depends on it.
 */
const GOLDEN = 0xdeadbeef;

/** An unsigned 32-bit hash. */
export function jhash(bytes: Uint8Array): number {
  let a = (GOLDEN + bytes.length) >>> 0;
  let b = a;
  let c = a;
  let at = 0;
  for (; bytes.length - at > 12; at += 12) {
    a = (a + word(bytes, at)) >>> 0;
    b = (b + word(bytes, at + 4)) >>> 0;
    c = (c + word(bytes, at + 8)) >>> 0;
    [a, b, c] = mix(a, b, c);
  }
  if (at === bytes.length) return c;
  return final((a + word(bytes, at)) >>> 0, (b + word(bytes, at + 4)) >>> 0, (c + word(bytes, at + 8)) >>> 0);
}

/** Four bytes, least significant first; bytes past the end count as zero. */
function word(bytes: Uint8Array, at: number): number {
  const byte = (index: number): number => bytes[at + index] ?? 0;
  return (byte(0) | (byte(1) << 8) | (byte(2) << 16) | (byte(3) << 24)) >>> 0;
}

const rotate = (value: number, bits: number): number => ((value << bits) | (value >>> (32 - bits))) >>> 0;

/** One round of lookup3 per shift: (first - last) ^ rotate(last), then last grows by the middle. */
function mix(a: number, b: number, c: number): [number, number, number] {
  let state: [number, number, number] = [a, b, c];
  for (const bits of [4, 6, 8, 16, 19, 4]) {
    const [first, middle, last] = state;
    state = [middle, (last + middle) >>> 0, ((first - last) ^ rotate(last, bits)) >>> 0];
  }
  return state;
}

function final(a: number, b: number, c: number): number {
  let state: [number, number, number] = [c, b, a];
  for (const bits of [14, 11, 25, 16, 4, 14, 24]) {
    const [changed, by, next] = state;
    state = [next, ((changed ^ by) - rotate(by, bits)) >>> 0, by];
  }
  return state[1];
}
