/* What is measured of pictures, and what of styles is asked for: mixtures, and moments over time. */

/** @typedef {{mean: Float32Array, spread: Float32Array}} Moments variances, or a covariance */
/** @typedef {{mean: Float32Array, root: Float32Array}} Wanted standard deviations, or the root of a covariance */
/** @typedef {{levels: Wanted[], parts: {share: number, first: Wanted}[], chroma: number}} Style parts: level 0 of each that is mixed */
/** @typedef {{own: Moments[], plain: Moments[]}} Seen what was measured of a frame */

/** A weighted sum; shares need not sum to 1.
 * @param {Float32Array[]} parts
 * @param {number[]} shares */
export const sum = (parts, shares) => {
  const whole = shares.reduce((all, one) => all + one, 0);
  return parts[0].map((_, i) => parts.reduce((all, part, which) => all + (part[i] * shares[which]) / whole, 0));
};
/** One style of several: what AdaIN and whitening need is linear in the shares (the paper's eq. 15),
 * all but the noise, which goes by how far each style is from the frame.
 * @param {Style[]} styles
 * @param {number[]} shares
 * @returns {Style} */
export const mixed = (styles, shares) => {
  const [whole, most] = [shares.reduce((all, one) => all + one, 0), Math.max(...shares)];
  /** @param {number} level
   * @param {"mean" | "root"} what */
  const part = (level, what) =>
    sum(
      styles.map((one) => one.levels[level][what]),
      shares,
    );
  return {
    levels: styles[0].levels.map((_, level) => ({mean: part(level, "mean"), root: part(level, "root")})),
    parts: styles.map((one, which) => ({share: shares[which] / whole, first: one.levels[0]})),
    chroma: Math.max(...styles.map((one, which) => (one.chroma * shares[which]) / most)),
  };
};
/** Moments between those of now and those of before, which keep so much.
 * @param {Moments} now
 * @param {Moments | undefined} before
 * @param {number} keep
 * @returns {Moments} */
export const smoothed = (now, before, keep) =>
  before
    ? {
        mean: sum([now.mean, before.mean], [1 - keep, keep]),
        spread: sum([now.spread, before.spread], [1 - keep, keep]),
      }
    : now;
