/* How large frames are painted: as large as 12 a second allow on this device. */

export const SIDES = [160, 192, 224, 256, 288, 320, 384, 448, 512]; // pixels of the shorter side
const START = 2; // where among them it begins
const BUDGET = 1000 / 12.5; // milliseconds for a frame, from camera to canvas
const UNSURE = 3; // frames that are measured before the first choice, the first of them not counted
const SPAN = 12; // frames that are looked at afterwards
const SPARE = 0.85; // of the budget, up to which a larger size is tried

/** @param {number[]} numbers */
const median = (numbers) => [...numbers].sort((one, other) => one - other)[numbers.length >> 1];

export class Pace {
  constructor() {
    this.at = START;
    this.largest = SIDES.length - 1; // the largest that was not found too slow
    this.fixed = false; // while a recording is made
    /** @type {number[]} */
    this.times = [];
    this.first = true;
  }
  /** Pixels of the shorter side. */
  get side() {
    return SIDES[this.at];
  }
  /** Measures again, as when frames get another shape or more is to be done for each. */
  again() {
    this.times = [];
    this.first = true;
    this.largest = SIDES.length - 1;
  }
  /** The milliseconds that a frame took at this size.
   * @param {number} milliseconds */
  took(milliseconds) {
    this.times.push(milliseconds);
    if (this.fixed || this.times.length <= (this.first ? UNSURE : SPAN)) return;
    const usual = median(this.times.slice(1));
    this.times = [];
    this.choose(usual);
    this.first = false;
  }
  /** Takes the largest side that fits, by what this one took: pixels are what costs.
   * @param {number} usual */
  choose(usual) {
    /** @param {number} at */
    const expected = (at) => usual * (SIDES[at] / this.side) ** 2;
    if (usual > BUDGET && !this.first) this.largest = Math.max(0, this.at - 1);
    let at = this.largest;
    while (at > 0 && expected(at) > (at > this.at ? SPARE : 1) * BUDGET) at--;
    this.at = at;
  }
}

/** Width and height of frames with this shorter side, in whole cells of the network.
 * @param {number} side
 * @param {number} width
 * @param {number} height */
export const sized = (side, width, height) => {
  const scale = side / Math.min(width, height);
  return [width, height].map((one) => Math.min(1024, Math.max(16, Math.round((one * scale) / 8) * 8)));
};
