/**
 * A table that grows row by row, so that long work shows each result as it comes. Columns are as wide as their title and
 * the widest value that was announced; a longer value is printed in full and shifts only its own row.
 */
export interface Column {
  readonly title: string;
  /** Values that will or may come: they decide the width. */
  readonly widest?: readonly string[];
  readonly align?: 'left' | 'right';
}

export class Table {
  readonly #columns: readonly Column[];
  readonly #widths: readonly number[];

  constructor(columns: readonly Column[]) {
    this.#columns = columns;
    this.#widths = columns.map(({ title, widest = [] }) =>
      Math.max(title.length, ...widest.map((text) => text.length)),
    );
  }

  head(): string {
    return this.row(this.#columns.map(({ title }) => title));
  }

  /** One line; cells may be coloured, which does not count into their width. */
  row(cells: readonly string[]): string {
    const padded = cells.map((cell, index) => {
      const missing = ' '.repeat(Math.max(0, (this.#widths[index] ?? 0) - visibleLength(cell)));
      return this.#columns[index]?.align === 'right' ? missing + cell : cell + missing;
    });
    return padded.join('  ').trimEnd();
  }
}

function visibleLength(text: string): number {
  return text.replaceAll(COLOUR, '').length;
}

const COLOUR = new RegExp(`${String.fromCharCode(27)}\\[[0-9;]*m`, 'g');
