/** A value of a k6 metric as text; `contains` is k6's word for its unit. */
export function humanizeValue(value: number, contains: string): string {
  switch (contains) {
    case 'time':
      return value >= 10_000 ? `${(value / 1000).toFixed(1)} s` : `${value.toFixed(2)} ms`;
    case 'data':
      return `${(value / 1024).toFixed(0)} KB`;
    default:
      return Number.isInteger(value) ? String(value) : value.toFixed(2);
  }
}
