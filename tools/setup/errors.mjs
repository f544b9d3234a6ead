/**
 * A failure that the user can do something about: one line that says what is wrong, and one that
 * says what helps. `detail` is a program's own output, shown in full above both.
 */
export class SetupError extends Error {
  constructor(message, { remedy = '', detail = '', exitCode = 1 } = {}) {
    super(message);
    this.name = 'SetupError';
    this.remedy = remedy;
    this.detail = detail;
    this.exitCode = exitCode;
  }
}

/** A command line that was not understood. Exit code 2, as for most programs. */
export class UsageError extends SetupError {
  constructor(message, remedy) {
    super(message, { remedy, exitCode: 2 });
    this.name = 'UsageError';
  }
}
