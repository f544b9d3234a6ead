/** Edits (insert, delete, replace, swap of neighbours) that turn `from` into `to`. */
export function editDistance(from, to) {
  const rows = Array.from({ length: from.length + 1 }, (_, i) => [i]);
  for (let j = 0; j <= to.length; j++) rows[0][j] = j;
  for (let i = 1; i <= from.length; i++) {
    for (let j = 1; j <= to.length; j++) {
      const replace = rows[i - 1][j - 1] + (from[i - 1] === to[j - 1] ? 0 : 1);
      let best = Math.min(rows[i - 1][j] + 1, rows[i][j - 1] + 1, replace);
      const swapped = i > 1 && j > 1 && from[i - 1] === to[j - 2] && from[i - 2] === to[j - 1];
      if (swapped) best = Math.min(best, rows[i - 2][j - 2] + 1);
      rows[i][j] = best;
    }
  }
  return rows[from.length][to.length];
}

/** The known name that was most likely meant, or undefined when none is close. */
export function nearest(given, known) {
  const limit = Math.max(2, Math.floor(given.length / 3));
  const ranked = known
    .map((name) => ({
      name,
      distance: name.startsWith(given) && given.length >= 3 ? 0 : editDistance(given, name),
    }))
    .sort((a, b) => a.distance - b.distance);
  const best = ranked[0];
  return best !== undefined && best.distance <= limit ? best.name : undefined;
}
