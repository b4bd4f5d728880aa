/* Where a film goes on at another place: then nothing measured before is of use. */

const STEP = 16; // bytes; every fourth pixel is looked at
const BINS = 512; // 8 × 8 × 8 colours
const CUT = 0.25; // difference of two histograms, from 0 to 1; a moving hand-held camera stays below

/** The colours of a frame, as shares that sum to 1.
 * @param {Uint8ClampedArray | Uint8Array} data */
export const histogram = (data) => {
  const found = new Float32Array(BINS);
  for (let i = 0; i + 2 < data.length; i += STEP)
    found[((data[i] >> 5) << 6) | ((data[i + 1] >> 5) << 3) | (data[i + 2] >> 5)] += STEP / data.length;
  return found;
};
/** Tells whether one frame is no continuation of the other.
 * @param {Float32Array} one
 * @param {Float32Array} other */
export const isCut = (one, other) => one.reduce((sum, share, bin) => sum + Math.abs(share - other[bin]), 0) / 2 > CUT;
