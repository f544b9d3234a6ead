/** Edit distance (Levenshtein), in one row. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + same));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** The candidate nearest to what was typed, case aside; undefined when none is near. */
export function nearest(typed: string, candidates: readonly string[]): string | undefined {
  const lower = typed.toLowerCase();
  let best: { name: string; distance: number } | undefined;
  for (const name of candidates) {
    const found = distance(lower, name.toLowerCase());
    if (best === undefined || found < best.distance) best = { name, distance: found };
  }
  if (best === undefined) return undefined;
  return best.distance <= Math.max(2, Math.floor(typed.length / 2)) ? best.name : undefined;
}

/** ` Did you mean "x"?`, or nothing. */
export function didYouMean(typed: string, candidates: readonly string[]): string {
  const found = nearest(typed, candidates);
  return found === undefined ? '' : ` Did you mean "${found}"?`;
}
