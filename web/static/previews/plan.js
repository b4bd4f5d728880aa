/* How large the studio paints a preview (worker/visitors/previews.py, adain/strokes.py). */

const SIDE = 256, // pixels of a preview's shorter side
  SMALLEST = 64,
  STRIP = 4; // how many times as long as wide a preview is, at most
const USUAL = 512; // pixels of the shorter side at which the network's own strokes are the usual ones
const NONE = 1.02; // a ratio of sides under which there is nothing to enlarge
const LARGER = 2 << 20, // pixels up to which a picture is painted larger than it shall be
  NARROWEST = 64; // pixels that a strip counts as wide
const MOST = 786_432; // pixels that are painted here; more the studio paints

/** Rounds halves to even numbers, as Python does.
 * @param {number} value */
const round = (value) => {
  const near = Math.round(value);
  return near - value === 0.5 && near % 2 ? near - 1 : near;
};
/** @param {number} width
 * @param {number} height
 * @param {number} side */
const scaled = (width, height, side) => {
  const factor = side / Math.min(width, height);
  return [width, height].map((one) => round(one * factor));
};

/**
 * The size of a preview, and the one in which it is painted so that strokes are as broad as they shall be; null
 * where it is not painted at once, or not here.
 * @param {number} width of the photo
 * @param {number} height
 * @param {number} strokes
 */
export const planned = (width, height, strokes) => {
  const [short, long] = [Math.min(width, height), Math.max(width, height)];
  const side = Math.min(SIDE, Math.max(SMALLEST, Math.floor((STRIP * SIDE * short) / long)));
  const size = scaled(width, height, side),
    broad = USUAL / strokes;
  if (side > broad * NONE) return null;
  const larger = side * Math.sqrt(LARGER / (size[0] * size[1]));
  const most = Math.min(larger, larger ** 2 / NARROWEST);
  const painted = scaled(width, height, Math.max(side, round(Math.min(broad, most))));
  return painted[0] * painted[1] > MOST ? null : {size, painted};
};
