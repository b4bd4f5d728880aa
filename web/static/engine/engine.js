/* The network, frame by frame: measures style pictures, and paints frames in them.
 *
 * It does what `Network.paint` and `Stylizer.stylize` do in float32 (adain/model), in a worker, and
 * in those that help it.
 */
import {DEPTH, Layers} from "./layers.js";
import {smoothed, sum} from "./moments.js";
import {Memory} from "./network.js";
import {Team} from "./team.js";

/** @typedef {import("./network.js").Level} Level */
/** @typedef {import("./layers.js").Feature} Feature */
/** @typedef {import("./layers.js").Picture} Picture */
/** @typedef {import("./moments.js").Moments} Moments */
/** @typedef {import("./moments.js").Wanted} Wanted */
/** @typedef {import("./moments.js").Style} Style */
/** @typedef {import("./moments.js").Seen} Seen */
/** @typedef {{first: Feature, without: {found: Moments[], map: Feature} | null}} Passed features of level 0, and what comes out with no style */

export {mixed} from "./moments.js";

const COLORED = 48 / 255; // chroma from which on colours are not limited

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
   * What gives features a style's mean and deviations (the paper's eq. 8), and noise at level 0: the first
   * three of `small` are a factor, what is added, and how much noise.
   * @param {Wanted} style
   * @param {Style["parts"]} parts what noise goes by; none without
   * @param {Moments} own
   * @param {Moments} plain what alpha goes back to
   * @param {number} alpha
   */
  gains(style, parts, own, plain, alpha) {
    const c = own.mean.length,
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
  }
  /**
   * What gives features a style's mean and covariance, by whitening and colouring: where a matrix lies, packed, and
   * where what is added.
   * @param {Moments} own
   * @param {Wanted} style
   * @param {Moments} plain
   * @param {number} alpha
   */
  recolouring(own, style, plain, alpha) {
    const {memory, kernels} = this,
      c = own.mean.length,
      [, root, inverse, wanted, other] = this.matrices,
      [mean, aim, bias] = this.small;
    const back = alpha < 1 ? this.roots(plain.spread, c, wanted, other).slice() : style.root;
    memory.floats(wanted, c * c).set(sum([style.root, back], [alpha, 1 - alpha]));
    this.roots(own.spread, c, root, inverse);
    memory.floats(mean, c).set(own.mean);
    memory.floats(aim, c).set(sum([style.mean, plain.mean], [alpha, 1 - alpha]));
    kernels.recolouring(root, inverse, mean, wanted, aim, c, other, bias);
    return [other, bias];
  }
  /**
   * Gives a level's features the style's statistics.
   * @param {Feature} map
   * @param {number} number of the level
   * @param {Style} style
   * @param {Moments} own
   * @param {Moments} plain
   * @param {number} alpha
   */
  transfer(map, number, style, own, plain, alpha) {
    const {at, h, w, c} = map,
      made = this.take(h, w, c),
      wanted = style.levels[number],
      noisy = number === 0;
    if (this.plan.levels[number].full) {
      this.team.run("recolour", [at, made.at, h, w, c, ...this.recolouring(own, wanted, plain, alpha)]);
    } else {
      this.gains(wanted, noisy ? style.parts : [], own, plain, alpha);
      this.team.run("affine", [at, made.at, h, w, c, ...this.small.slice(0, 3), noisy ? this.noise : 0]);
    }
    return made;
  }
  /** The chroma that a frame in a style may have (adain/color.py).
   * @param {Style} style */
  mostChroma(style) {
    if (style.chroma >= COLORED) return Infinity;
    const chroma = Math.max(style.chroma, this.kernels.chroma(this.rgba, DEPTH, this.height, this.width));
    return chroma < COLORED ? chroma / (1 - chroma / COLORED) : Infinity;
  }
  /** What is the same of a picture in any style, to be held; `whole` for strengths below 1.
   * @param {Picture} picture
   * @param {boolean} whole
   * @returns {Passed} */
  pass(picture, whole) {
    this.see(picture);
    const first = this.encode();
    this.held.add(first.at);
    return {first, without: whole ? this.plain(first, true) : null};
  }
  /** Gives back what was held of a picture; nothing of another size may have been seen since.
   * @param {Passed} passed */
  drop({first, without}) {
    this.held.clear();
    this.give(first);
    if (without) this.give(without.map);
  }
  /**
   * Paints a frame. Strength is from above 0 to 1; what was seen of the frame before keeps a
   * share of what is measured of this one.
   * @param {Picture} picture
   * @param {Style} style
   * @param {number} alpha
   * @param {Seen | null} before
   * @param {number} keep
   * @param {Passed | null} held what is held of this very picture
   * @returns {{data: Uint8ClampedArray<ArrayBuffer>, seen: Seen}}
   */
  paint(picture, style, alpha = 1, before = null, keep = 0, held = null) {
    const {first, without: plain} = held ?? this.pass(picture, alpha < 1);
    if (held) this.see(picture);
    else this.held.clear();
    const {plan} = this,
      without = alpha < 1 ? plain : null,
      most = this.mostChroma(style);
    /** @type {Seen} */
    const seen = {own: [], plain: []};
    let map = first;
    plan.levels.forEach((level, number) => {
      const own = smoothed(this.moments(map, level), before?.own[number], keep);
      const plain = without && number ? smoothed(without.found[number], before?.plain[number], keep) : own;
      seen.own.push(own);
      seen.plain.push(plain);
      const changed = this.transfer(map, number, style, own, plain, alpha);
      this.give(map);
      map = this.run(plan.decoder[number], changed);
    });
    this.unfold(map, without?.map ?? null, alpha, most);
    this.give(map);
    if (without && !held) this.give(without.map);
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
