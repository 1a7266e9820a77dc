/**
 * The largest share of differing rows that a sample leaves possible: Clopper and Pearson's one-sided
 * upper bound (Biometrika 26, 1934). Exact for any size; for no difference in n rows about 3/n at 95 %.
 * @param rows drawn at random, each with the same chance.
 * @param confidence in (0, 1).
 */
export function upperBound(options: { readonly rows: number; readonly differing: number; readonly confidence: number }): number {
  const { rows, differing, confidence } = options;
  if (rows === 0 || differing >= rows) return 1;
  const doubt = Math.log(1 - confidence);
  let low = differing / rows;
  let high = 1;
  // 50 halvings are below the distance of two doubles.
  for (let i = 0; i < 50; i++) {
    const share = (low + high) / 2;
    if (logAtMost(rows, differing, share) > doubt) low = share;
    else high = share;
  }
  return high;
}

/** Logarithm of the chance that at most `most` of `rows` trials succeed. */
function logAtMost(rows: number, most: number, share: number): number {
  const success = Math.log(share);
  const failure = Math.log1p(-share);
  let term = rows * failure;
  let sum = term;
  for (let k = 1; k <= most; k++) {
    term += Math.log((rows - k + 1) / k) + success - failure;
    sum = Math.max(sum, term) + Math.log1p(Math.exp(-Math.abs(sum - term)));
  }
  return sum;
}
