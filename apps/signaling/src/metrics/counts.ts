import { Counter, type Registry } from 'prom-client';

export interface CountsOptions {
  readonly name: string;
  readonly help: string;
  readonly labels: readonly string[];
  readonly registry: Registry;
  /**
   * Values of the labels, in their order, that are there from the start, at 0: a rate over a
   * counter that appears with its first event misses that event.
   */
  readonly known?: readonly (readonly [first: string, second?: string])[];
}

interface Cell {
  readonly labels: Record<string, string>;
  value: number;
}

/**
 * A Prometheus counter for the message path. prom-client hashes the labels at each increment,
 * which takes longer than to validate a small message; here an increment is an addition, and
 * prom-client hears the sums when it is scraped.
 */
export class Counts {
  readonly #labels: readonly string[];
  readonly #cells = new Map<string, Cell>();

  constructor({ name, help, labels, registry, known = [] }: CountsOptions) {
    this.#labels = labels;
    const cells = this.#cells;
    new Counter({
      name,
      help,
      labelNames: [...labels],
      registers: [registry],
      collect() {
        this.reset();
        for (const cell of cells.values()) this.inc(cell.labels, cell.value);
      },
    });
    for (const [first, second = ''] of known) this.#cell(first, second);
  }

  /** `first` and `second`: the values of the labels, in their order. All from closed lists. */
  inc(first: string, second = '', times = 1): void {
    this.#cell(first, second).value += times;
  }

  #cell(first: string, second: string): Cell {
    const key = second === '' ? first : `${first} ${second}`;
    let cell = this.#cells.get(key);
    if (cell === undefined) {
      const values = [first, second];
      const labels = this.#labels.map((label, index) => [label, values[index] ?? '']);
      cell = { labels: Object.fromEntries(labels) as Record<string, string>, value: 0 };
      this.#cells.set(key, cell);
    }
    return cell;
  }
}
