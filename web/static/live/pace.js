/* What the first frames tell: how large frames are painted, as large as 12 a second allow on this
 * device, and which of two ways paints them: all threads or one, the processor or the graphics card.
 */

export const SIDES = [160, 192, 224, 256, 288, 320, 384, 448, 512]; // pixels of the shorter side
const LEAST = 96; // pixels of the shorter side with the broadest strokes
const START = 2; // where among them it begins
const BUDGET = 1000 / 12.5; // milliseconds for a frame, from camera to canvas
const UNSURE = 3; // frames that are measured before the first choice, the first of them not counted
const SPAN = 12; // frames that are looked at afterwards
const SPARE = 0.85; // of the budget, up to which a larger size is tried

const TRIED = 8; // frames by which one of two ways is chosen, painted by both in turn
const HOPELESS = 4; // times as long as the usual way: then the other one is tried no more than
const TWICE = 4; // of all frames

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
  /** Pixels of the shorter side with strokes so broad: as broad beside the picture as fewer pixels are.
   * @param {number} strokes */
  beside(strokes) {
    return Math.min(SIDES[SIDES.length - 1], Math.max(LEAST, this.side / strokes));
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

/** Which of two ways paints a frame sooner: the usual one, or the other. */
export class Trial {
  constructor() {
    this.frames = 0;
    this.best = [Infinity, Infinity]; // the usual way, the other
    this.other = false; // for the next frame
  }
  get done() {
    return this.frames >= TRIED;
  }
  /** Measures once more. */
  again() {
    Object.assign(this, new Trial());
  }
  /** What a frame took, of its size.
   * @param {number} time */
  took(time) {
    if (this.done) return;
    const kind = Number(this.other);
    this.best[kind] = Math.min(this.best[kind], time);
    this.frames += 1;
    if (this.frames === TWICE && this.best[1] > HOPELESS * this.best[0]) this.frames = TRIED;
    this.other = this.done ? this.best[1] < this.best[0] : this.frames % 2 === 1;
  }
}
