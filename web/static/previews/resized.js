/* Pictures in another size, to the byte as the studio makes them (Pillow's Lanczos filter). */

/** @typedef {import("../engine/layers.js").Picture} Picture */
/** @typedef {{first: number, weights: Int32Array}} Taps where a pixel's sources begin, and what each counts */

const REACH = 3; // pixels on both sides that the filter takes, of the coarser grid
const BITS = 22; // after the point of a weight
const DEPTH = 4; // bytes of a pixel

/** @param {number} x */
const sinc = (x) => (x ? Math.sin(Math.PI * x) / (Math.PI * x) : 1);
/** @param {number} x */
const lanczos = (x) => (x >= -REACH && x < REACH ? sinc(x) * sinc(x / REACH) : 0);
/** @param {number} value */
const away = (value) => Math.trunc(value + (value < 0 ? -0.5 : 0.5));

/** What each pixel of a side is made of.
 * @param {number} from
 * @param {number} to
 * @returns {Taps[]} */
const taps = (from, to) => {
  const scale = from / to,
    coarse = Math.max(1, scale),
    support = REACH * coarse;
  return Array.from({length: to}, (_, at) => {
    const center = (at + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - support + 0.5)),
      last = Math.min(from, Math.trunc(center + support + 0.5));
    const weights = Array.from({length: last - first}, (__, i) => lanczos((i + first - center + 0.5) / coarse));
    const whole = weights.reduce((sum, one) => sum + one, 0);
    return {first, weights: Int32Array.from(weights, (one) => away((one / whole) * (1 << BITS)))};
  });
};
/** @param {number} sum */
const byte = (sum) => Math.min(255, Math.max(0, sum >> BITS));

/** A picture with another width, or, `down`, with another height.
 * @param {Picture} picture
 * @param {number} to
 * @param {boolean} down
 * @returns {Picture} */
const along = ({data, width, height}, to, down) => {
  const wide = down ? width : to,
    high = down ? to : height;
  const made = new Uint8ClampedArray(DEPTH * wide * high),
    step = down ? DEPTH * width : DEPTH,
    each = taps(down ? height : width, to);
  for (let y = 0; y < high; y++)
    for (let x = 0; x < wide; x++) {
      const {first, weights} = each[down ? y : x],
        at = DEPTH * (y * wide + x);
      for (let c = 0; c < DEPTH; c++) {
        let from = (down ? DEPTH * x : DEPTH * y * width) + first * step + c,
          sum = 1 << (BITS - 1);
        for (let i = 0; i < weights.length; i++, from += step) sum += data[from] * weights[i];
        made[at + c] = byte(sum);
      }
    }
  return {data: made, width: wide, height: high};
};

/** An opaque picture in another size; as it is where it has that.
 * @param {Picture} picture
 * @param {number[]} size
 * @returns {Picture} */
export const resized = (picture, [width, height]) => {
  const across = width === picture.width ? picture : along(picture, width, false);
  return height === across.height ? across : along(across, height, true);
};
