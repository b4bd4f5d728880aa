/* The network, frame by frame: measures style pictures, and paints frames in them.
 *
 * It does what `Network.paint` and `Stylizer.stylize` do in float32 (adain/model), in a worker, and
 * in those that help it.
 */
import {DEPTH, Layers} from "./layers.js";
import {Memory} from "./network.js";
import {Team} from "./team.js";

/** @typedef {import("./network.js").Level} Level */
/** @typedef {import("./layers.js").Feature} Feature */
/** @typedef {import("./layers.js").Picture} Picture */
/** @typedef {{mean: Float32Array, spread: Float32Array}} Moments variances, or a covariance */
/** @typedef {{mean: Float32Array, root: Float32Array}} Wanted standard deviations, or the root of a covariance */
/** @typedef {{levels: Wanted[], parts: {share: number, first: Wanted}[], chroma: number}} Style parts: level 0 of each that is mixed */
/** @typedef {{own: Moments[], plain: Moments[]}} Seen what was measured of a frame */

const COLORED = 48 / 255; // chroma from which on colours are not limited

/** A weighted sum; shares need not sum to 1.
 * @param {Float32Array[]} parts
 * @param {number[]} shares */
const sum = (parts, shares) => {
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
const smoothed = (now, before, keep) =>
  before
    ? {
        mean: sum([now.mean, before.mean], [1 - keep, keep]),
        spread: sum([now.spread, before.spread], [1 - keep, keep]),
      }
    : now;

export class Engine extends Layers {
  /**
   * @param {WebAssembly.Module} code
   * @param {ArrayBuffer} network
   * @param {(() => import("./team.js").Port)[]} helpers what starts each thread beside this one; with
   *     any, the code's memory is shared
   */
  static async made(code, network, helpers = []) {
    const memory = new Memory(helpers.length > 0);
    const {exports} = await WebAssembly.instantiate(code, {env: {memory: memory.memory}});
    const kernels = /** @type {Live.Kernels} */ (/** @type {unknown} */ (exports));
    memory.top = Math.ceil(kernels.__heap_base.value / 16) * 16;
    return new Engine(kernels, memory, network, await Team.made(kernels, code, memory, helpers));
  }
  /** @param {Feature} map
   * @param {Level} level
   * @returns {Moments} */
  moments(map, level) {
    const {team, memory} = this,
      {at, h, w, c} = map;
    const mean = this.small[0],
      spread = level.full ? this.matrices[0] : this.small[1];
    team.run("moments", [at, h, w, c, mean, level.full ? 0 : spread]);
    if (level.full) team.run("covariance", [at, h, w, c, mean, spread, this.row], 4 * w * c);
    return {mean: memory.floats(mean, c).slice(), spread: memory.floats(spread, level.full ? c * c : c).slice()};
  }
  /** Where the root and the inverse root of a covariance lie.
   * @param {Float32Array} spread
   * @param {number} c
   * @param {number} root
   * @param {number} inverse */
  roots(spread, c, root, inverse) {
    this.memory.floats(this.matrices[0], c * c).set(spread);
    this.kernels.roots(this.matrices[0], c, this.plan.ridge, this.plan.least, root, inverse, this.work);
    return this.memory.floats(root, c * c);
  }
  /** @param {Float32Array} variances */
  deviations(variances) {
    return variances.map((one) => Math.sqrt(one + this.plan.epsilon));
  }
  /** Measures a picture that passes with no style: to the last level, or to what comes out.
   * @param {Feature} features of level 0, which are held
   * @param {boolean} whole */
  plain(features, whole) {
    const {levels, decoder} = this.plan;
    /** @type {Moments[]} */
    const found = [];
    let map = features;
    levels.forEach((level, number) => {
      found.push(this.moments(map, level));
      if (whole || number + 1 < levels.length) map = this.run(decoder[number], map);
    });
    return {found, map};
  }
  /** Measures a style picture.
   * @param {Picture} picture
   * @returns {Style} */
  measure(picture) {
    this.see(picture);
    const {found, map} = this.plain(this.encode(), false);
    this.give(map);
    const levels = this.plan.levels.map(({full, channels}, number) => {
      const {mean, spread} = found[number],
        [root, inverse] = this.matrices.slice(1);
      return {mean, root: full ? this.roots(spread, channels, root, inverse).slice() : this.deviations(spread)};
    });
    const parts = [{share: 1, first: levels[0]}];
    return {levels, parts, chroma: this.kernels.chroma(this.rgba, DEPTH, picture.height, picture.width)};
  }

  /* ---------------------------------------------------------- what is painted */

  /**
   * Gives features a style's mean and deviations (the paper's eq. 8), and noise at level 0.
   * @param {Feature} map
   * @param {Wanted} style
   * @param {Style["parts"]} parts what noise goes by; none without
   * @param {Moments} own
   * @param {Moments} plain what alpha goes back to
   * @param {number} alpha
   */
  affine(map, style, parts, own, plain, alpha) {
    const {c} = map,
      [gain, bias, moved] = this.small.map((at) => this.memory.floats(at, c));
    const deviations = this.deviations(own.spread),
      back = this.deviations(plain.spread);
    for (let i = 0; i < c; i++) {
      /** @param {Wanted} aim */
      const wanted = ({mean, root}) => [
        alpha * mean[i] + (1 - alpha) * plain.mean[i],
        alpha * root[i] + (1 - alpha) * back[i],
      ];
      const [mean, deviation] = wanted(style);
      gain[i] = deviation / deviations[i];
      bias[i] = mean - own.mean[i] * gain[i];
      moved[i] = 0;
      for (const {share, first} of parts) {
        const [center, width] = wanted(first);
        moved[i] += share * (Math.abs(center - own.mean[i]) + Math.abs(width - deviations[i]));
      }
    }
    const made = this.take(map.h, map.w, c),
      [at, shift, far] = this.small;
    this.team.run("affine", [map.at, made.at, map.h, map.w, c, at, shift, far, parts.length ? this.noise : 0]);
    return made;
  }
  /**
   * Gives features a style's mean and covariance, by whitening and colouring.
   * @param {Feature} map
   * @param {Moments} own
   * @param {Wanted} style
   * @param {Moments} plain
   * @param {number} alpha
   */
  recolour(map, own, style, plain, alpha) {
    const {memory, kernels} = this,
      {c} = map,
      [, root, inverse, wanted, other] = this.matrices,
      [mean, aim, bias] = this.small;
    const back = alpha < 1 ? this.roots(plain.spread, c, wanted, other).slice() : style.root;
    memory.floats(wanted, c * c).set(sum([style.root, back], [alpha, 1 - alpha]));
    this.roots(own.spread, c, root, inverse);
    memory.floats(mean, c).set(own.mean);
    memory.floats(aim, c).set(sum([style.mean, plain.mean], [alpha, 1 - alpha]));
    kernels.recolouring(root, inverse, mean, wanted, aim, c, other, bias);
    const made = this.take(map.h, map.w, c);
    this.team.run("recolour", [map.at, made.at, map.h, map.w, c, other, bias]);
    return made;
  }
  /** The chroma that a frame in a style may have (adain/color.py).
   * @param {Style} style */
  mostChroma(style) {
    if (style.chroma >= COLORED) return Infinity;
    const chroma = Math.max(style.chroma, this.kernels.chroma(this.rgba, DEPTH, this.height, this.width));
    return chroma < COLORED ? chroma / (1 - chroma / COLORED) : Infinity;
  }
  /**
   * Paints a frame. Strength is from above 0 to 1; what was seen of the frame before keeps a
   * share of what is measured of this one.
   * @param {Picture} picture
   * @param {Style} style
   * @param {number} alpha
   * @param {Seen | null} before
   * @param {number} keep
   * @returns {{data: Uint8ClampedArray<ArrayBuffer>, seen: Seen}}
   */
  paint(picture, style, alpha = 1, before = null, keep = 0) {
    this.see(picture);
    const {plan} = this,
      most = this.mostChroma(style),
      first = this.encode();
    this.held.add(first.at);
    const without = alpha < 1 ? this.plain(first, true) : null;
    this.held.clear();
    /** @type {Seen} */
    const seen = {own: [], plain: []};
    let map = first;
    plan.levels.forEach((level, number) => {
      const own = smoothed(this.moments(map, level), before?.own[number], keep);
      const plain = without && number ? smoothed(without.found[number], before?.plain[number], keep) : own;
      seen.own.push(own);
      seen.plain.push(plain);
      const wanted = style.levels[number];
      const changed = level.full
        ? this.recolour(map, own, wanted, plain, alpha)
        : this.affine(map, wanted, number ? [] : style.parts, own, plain, alpha);
      this.give(map);
      map = this.run(plan.decoder[number], changed);
    });
    this.unfold(map, without?.map ?? null, alpha, most);
    this.give(map);
    if (without) this.give(without.map);
    const bytes = new Uint8ClampedArray(this.memory.memory.buffer, this.rgba, 4 * this.width * this.height);
    return {data: bytes.slice(), seen};
  }
  /**
   * @param {Feature} map
   * @param {Feature | null} plain
   * @param {number} alpha
   * @param {number} most
   */
  unfold(map, plain, alpha, most) {
    const {rgba, width, height, plan} = this,
      {at, w, c} = map;
    const size = [rgba, DEPTH, height, width, w, c];
    this.team.run("unfold", [at, plain?.at ?? 0, ...size, plan.black, plan.white, alpha, most]);
  }
}
