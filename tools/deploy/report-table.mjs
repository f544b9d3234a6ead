/** The checks of one run, told as they end and counted at last. */
export class ReportTable {
  #write;
  #rows = [];

  constructor(write) {
    this.#write = write;
  }

  get failed() {
    return this.#count('failed');
  }

  /**
   * Runs a check: a function that throws what is wrong, and may return what there is to tell.
   * Resolves with whether it passed.
   */
  async check(name, work) {
    const began = performance.now();
    try {
      const detail = await work();
      this.#add('passed', name, detail ?? '', began);
      return true;
    } catch (error) {
      this.#add('failed', name, error.message, began);
      return false;
    }
  }

  skip(name, reason) {
    this.#add('skipped', name, reason);
  }

  /** The last line of the output. */
  summary() {
    const [passed, failed, skipped] = ['passed', 'failed', 'skipped'].map((how) =>
      this.#count(how),
    );
    return `${passed} passed, ${failed} failed, ${skipped} skipped`;
  }

  #count(how) {
    return this.#rows.filter((row) => row === how).length;
  }

  #add(how, name, detail, began) {
    this.#rows.push(how);
    const time =
      began === undefined ? '' : ` (${((performance.now() - began) / 1000).toFixed(1)} s)`;
    this.#write(how === 'skipped' ? `skipped: ${name}: ${detail}` : `${how}: ${name}${time}`);
    if (how !== 'skipped' && detail !== '') this.#write(indent(detail));
  }
}

function indent(text) {
  return text
    .split('\n')
    .map((line) => `        ${line}`)
    .join('\n');
}
