/** Where in a file the user's mistake stands. Lines and columns count from 1. */
export interface Place {
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
}

/** What the user gave is wrong: the message says what, where, and what to do. Ends a command with exit code 2. */
export class InputError extends Error {
  override readonly name = 'InputError';
  readonly place: Place;

  constructor(message: string, place: Place = {}) {
    super(message);
    this.place = place;
  }

  /** `file:line:column: message`, as far as the place is known. */
  describe(): string {
    const { file, line, column } = this.place;
    const where = [file, line, column].filter((part) => part !== undefined).join(':');
    return where === '' ? this.message : `${where}: ${this.message}`;
  }

  /** The same mistake in a file whose name was not known where it was found. */
  in(file: string): InputError {
    return new InputError(this.message, { file, ...this.place });
  }
}
