/* A network's layers on a picture: maps of features in the engine's memory, and what makes one of
 * another. Sides that are no multiples of the network's stride are extended by reflection.
 */
import {loaded, noise, through} from "./network.js";

/** @typedef {import("./network.js").Memory} Memory */
/** @typedef {import("./team.js").Team} Team */
/** @typedef {import("./network.js").Step} Step */
/** @typedef {{at: number, h: number, w: number, c: number}} Feature a map of features, and where it lies */
/** @typedef {{data: Uint8ClampedArray | Uint8Array, width: number, height: number}} Picture RGBA bytes */

const BORDER = 8; // cells beside a map's own, in both directions
const [TILES, POINTS] = [12, 36];
const LEAST_SIDE = 16; // pixels a padded picture has
const FOLDED = 12; // numbers of 2 × 2 pixels
export const DEPTH = 4; // bytes of a pixel

export class Layers {
  /**
   * @param {Live.Kernels} kernels
   * @param {Memory} memory
   * @param {ArrayBuffer} network
   * @param {Team} team
   */
  constructor(kernels, memory, network, team) {
    this.kernels = kernels;
    this.memory = memory;
    this.team = team;
    const {plan, layers} = loaded(kernels, memory, network);
    this.plan = plan;
    this.layers = layers;
    const channels = plan.levels.map((level) => level.channels);
    const most = Math.max(...channels);
    this.noise = plan.grain ? memory.keep(noise(channels[0], plan.grain)) : 0;
    this.small = Array.from({length: 5}, () => memory.take(4 * most)); // vectors
    this.matrices = Array.from({length: 5}, () => memory.take(4 * most * most));
    this.work = memory.take(8 * most * most);
    const widest = Math.max(...[...layers.values()].map((layer) => layer.filters));
    this.scratch = memory.take(team.most * 4 * POINTS * TILES * 2 * widest);
    this.base = memory.top;
    this.width = this.height = this.rgba = this.row = 0;
    /** @type {Map<string, number[]>} */
    this.free = new Map();
    /** @type {Set<number>} */
    this.held = new Set();
  }

  /** Bytes that the engine has. */
  get bytes() {
    return this.memory.memory.buffer.byteLength;
  }

  /* ---------------------------------------------------------- maps of features */

  /** Makes room for pictures of a size, in place of those of another.
   * @param {Picture} picture */
  see({data, width, height}) {
    if (width !== this.width || height !== this.height) {
      Object.assign(this, {width, height});
      this.memory.top = this.base;
      this.free.clear();
      this.rgba = this.memory.take(4 * width * height);
      const cells = this.plan.levels.map((one) => (one.channels * this.padded(width)) / one.stride);
      this.row = this.memory.take(this.team.most * 4 * Math.max(...cells));
    }
    new Uint8Array(this.memory.memory.buffer, this.rgba, data.length).set(data);
  }
  /** @param {number} side */
  padded(side) {
    return Math.max(LEAST_SIDE, Math.ceil(side / this.plan.stride) * this.plan.stride);
  }
  /**
   * @param {number} h
   * @param {number} w
   * @param {number} c
   * @returns {Feature}
   */
  take(h, w, c) {
    const at = this.free.get(`${h} ${w} ${c}`)?.pop() ?? this.memory.zeros((h + BORDER) * (w + BORDER) * c);
    return {at, h, w, c};
  }
  /** @param {Feature} map */
  give(map) {
    if (this.held.has(map.at)) return;
    const shape = `${map.h} ${map.w} ${map.c}`;
    this.free.set(shape, [...(this.free.get(shape) ?? []), map.at]);
  }

  /* ---------------------------------------------------------- steps */

  /**
   * @param {Step} step
   * @param {Feature} map
   * @param {Feature | null} plus
   */
  conv(step, map, plus) {
    const layer = this.layers.get(step.conv ?? "");
    if (!layer) throw new TypeError(step.conv);
    const [h, w, relu] = [map.h / step.stride, map.w / step.stride, Number(step.relu)];
    const made = this.take(h, w, layer.filters);
    const {team, scratch} = this,
      {weights, bias} = layer;
    team.run("border", [map.at, map.h, map.w, map.c]);
    if (step.stride > 1) {
      team.run("direct", [map.at, made.at, h, w, map.c, made.c, step.stride, weights, bias, relu]);
    } else {
      const each = 4 * POINTS * TILES * (map.c + made.c);
      team.run("winograd", [map.at, made.at, plus?.at ?? 0, h, w, map.c, made.c, weights, bias, relu, scratch], each);
    }
    return made;
  }
  /** @param {Feature} map */
  up(map) {
    const made = this.take(2 * map.h, 2 * map.w, map.c);
    this.team.run("up", [map.at, made.at, map.h, map.w, map.c]);
    return made;
  }
  /** What steps make of a map, which is given back unless it is held.
   * @param {Step[]} steps
   * @param {Feature} map */
  run(steps, map) {
    return through(steps, map, this);
  }
  /** The features of level 0 of the picture that is seen. */
  encode() {
    const {plan, width, height} = this;
    const folded = this.take(this.padded(height) / 2, this.padded(width) / 2, FOLDED);
    const {at, h, w, c} = folded;
    this.team.run("fold", [this.rgba, DEPTH, height, width, at, h, w, c, plan.black, plan.white]);
    return this.run(plan.encoder, folded);
  }
}
