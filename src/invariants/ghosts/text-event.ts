import type { TextAddress } from '../../model/kernel/text-address.ts';
import type { World } from '../../model/world.ts';

/** Who holds text: what was asked for, and what that costs. */
export interface Owner {
  readonly kind: 'text' | 'program' | 'trampoline' | 'dispatcher' | 'pages' | 'chunk' | 'module' | 'request';
  readonly address: TextAddress;
  /** In bytes, as the allocator was asked. */
  readonly size: number;
  /** In units of the JIT limit. */
  readonly charge: number;
  /** What fills memory that is made for this request. */
  readonly filler: number;
  /** What the operation returned: it names the owner when it goes. */
  readonly object: object;
}

/** What a step, correctly performed, does to text. */
export type TextEvent =
  | { readonly kind: 'claim'; readonly owner: Owner }
  | { readonly kind: 'release'; readonly address: TextAddress; readonly size: number; readonly object: object }
  /** What was held for a request now belongs to whoever made it. */
  | { readonly kind: 'transfer'; readonly from: object; readonly owner: Owner }
  | { readonly kind: 'write'; readonly address: TextAddress; readonly bytes: Uint8Array };

/** A step as readers of text events are told of it. */
export interface Told {
  readonly world: World;
  readonly taken: Readonly<Record<string, unknown>>;
  readonly returned: unknown;
  readonly refused: boolean;
  readonly codeOf: (binary: object) => number | undefined;
}

/** By operation: the text events that a step of it should cause. */
export type Readers = Readonly<Record<string, (told: Told) => readonly TextEvent[]>>;
