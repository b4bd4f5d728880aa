/* What the graphics card does for pictures of one size, step by step, and the buffers that it takes: made once, run for each frame. */
import {through} from "./network.js";
import {ACROSS, DOWN, NAMES, THREADS, TOGETHER} from "./wgsl.js";

/** @typedef {{buffer: GPUBuffer, size: number, uses: number}} Held */
/** @typedef {{held: Held, h: number, w: number, c: number, shift: number}} Feature a map, stored before it was doubled `shift` times */
/** @typedef {{pipeline: GPUComputePipeline, group: GPUBindGroup, x: number, y: number}} Run */
/** @typedef {{steps: Run[], reads: Held[], back: GPUBuffer}} Stage steps, and which of their numbers come back */

const FOLDED = 12; // numbers of 2 × 2 pixels
const PIECES = 256; // of a map, summed one beside the other
const COVERED = 64; // of a map, of which products are summed so
const [FIRST_REAL, NUMBERS] = [12, 16]; // of what a step is given (wgsl.js)

export class Program {
  /**
   * @param {import("./gpu.js").Gpu} gpu
   * @param {number} width
   * @param {number} height
   * @param {boolean} plain whether pictures pass without a style, too
   */
  constructor(gpu, width, height, plain) {
    this.gpu = gpu;
    this.width = width;
    this.height = height;
    this.plain = plain;
    /** @type {GPUBuffer[]} */
    this.buffers = [];
    /** @type {Held[]} */
    this.free = [];
    /** @type {Run[]} */
    this.steps = [];
    /** @type {Held[]} */
    this.reads = [];
    const {plan} = gpu.engine;
    this.rgba = this.buffer(4 * width * height);
    this.numbers = plan.levels.map(({full, channels: c}) => this.buffer(4 * (full ? c * c + c : 3 * c)));
    /** @type {Stage[]} */
    this.stages = [];
    let map = through(plan.encoder, this.fold(), this);
    this.measure(map, plan.levels[0]);
    const without = plain ? this.without(map) : null;
    plan.levels.forEach((level, number) => {
      if (number) this.measure(map, level);
      this.stages.push(this.stage());
      const changed = this.transfer(map, level, number);
      this.give(map);
      map = through(plan.decoder[number], changed, this);
    });
    this.said = this.unfold(map, without);
    this.last = this.stage();
  }
  /** Frees what it takes of the card. */
  end() {
    for (const one of this.buffers) one.destroy();
  }

  /* ---------------------------------------------------------- buffers and steps */

  /** @param {number} size in bytes
   * @param {number} usage */
  buffer(size, usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST | GPUBufferUsage.COPY_SRC) {
    const made = this.gpu.device.createBuffer({size, usage});
    this.buffers.push(made);
    return made;
  }
  /** @param {number} h
   * @param {number} w
   * @param {number} c
   * @returns {Feature} */
  take(h, w, c) {
    const size = 4 * h * w * c,
      at = this.free.findIndex((one) => one.size === size);
    const held = at < 0 ? {buffer: this.buffer(size), size, uses: 1} : this.free.splice(at, 1)[0];
    held.uses = 1;
    return {held, h, w, c, shift: 0};
  }
  /** @param {Feature} map */
  give({held}) {
    held.uses -= 1;
    if (!held.uses) this.free.push(held);
  }
  /** Adds a step; answers with the buffer of its numbers.
   * @param {string} name
   * @param {Record<string, number>} given
   * @param {GPUBuffer[]} buffers
   * @param {number} threads
   * @param {number} y */
  step(name, given, buffers, threads, y = 1) {
    const pipeline = this.gpu.pipelines.get(name);
    if (!pipeline) throw new TypeError(name);
    const numbers = new Float32Array(NUMBERS),
      all = NAMES.map((one) => given[one] ?? 0);
    numbers.set(all);
    new Uint32Array(numbers.buffer).set(all.slice(0, FIRST_REAL));
    const said = this.buffer(4 * NUMBERS, GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST);
    this.gpu.device.queue.writeBuffer(said, 0, numbers);
    const entries = [said, ...buffers].map((buffer, binding) => ({binding, resource: {buffer}}));
    const group = this.gpu.device.createBindGroup({layout: pipeline.getBindGroupLayout(0), entries});
    this.steps.push({pipeline, group, x: Math.ceil(threads / THREADS), y});
    return said;
  }
  /** What was added since the last one.
   * @returns {Stage} */
  stage() {
    const {steps, reads} = this,
      size = reads.reduce((sum, one) => sum + one.size, 0);
    [this.steps, this.reads] = [[], []];
    return {steps, reads, back: this.buffer(size, GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST)};
  }
  /** How a map is read.
   * @param {Feature} map */
  read({h, w, c, shift}) {
    return {ih: h >> shift, iw: w >> shift, ic: c / 4, shift};
  }

  /* ---------------------------------------------------------- layers */

  fold() {
    const {engine} = this.gpu,
      {black, white} = engine.plan;
    const made = this.take(engine.padded(this.height) / 2, engine.padded(this.width) / 2, FOLDED);
    const given = {h: made.h, w: made.w, ih: this.height, iw: this.width, a: black, b: white - black};
    this.step("fold", given, [this.rgba, made.held.buffer], made.h * made.w);
    return made;
  }
  /** Each cell four times: a way of reading.
   * @param {Feature} map
   * @returns {Feature} */
  up({held, h, w, c, shift}) {
    held.uses += 1;
    return {held, h: 2 * h, w: 2 * w, c, shift: shift + 1};
  }
  /**
   * @param {import("./network.js").Step} step
   * @param {Feature} map
   * @param {Feature | null} plus
   */
  conv({conv, out, stride, relu}, map, plus) {
    const layer = this.gpu.layers.get(conv ?? "");
    if (!layer) throw new TypeError(conv);
    const made = this.take(map.h / stride, map.w / stride, out);
    const given = {h: made.h, w: made.w, c: made.c / 4, ...this.read(map), on: Number(relu)};
    const added = {plus: Number(plus !== null), doubled: plus?.shift ?? 0};
    const read = [map.held.buffer, layer.weights, layer.bias, plus?.held.buffer ?? layer.bias];
    const threads = Math.ceil(made.w / ACROSS) * Math.ceil(made.h / DOWN);
    this.step(`conv${stride}`, {...given, ...added}, [...read, made.held.buffer], threads, made.c / 4);
    return made;
  }
  /** Has a mean over the cells come back: of values, of squares about a mean, or of products.
   * @param {Feature} map
   * @param {"sums" | "covariance"} name
   * @param {GPUBuffer} [mean] */
  mean(map, name, mean) {
    const given = this.read(map),
      {ih, iw, ic: c} = given,
      cells = ih * iw,
      wide = name === "covariance" ? c * c : c;
    const more = Math.ceil(cells / (wide > c ? COVERED : PIECES)),
      pieces = Math.ceil(cells / more),
      parts = this.take(pieces, wide * (wide > c ? 4 : 1), 4),
      count = parts.w;
    const [threads, y] = wide > c ? [pieces * THREADS, Math.ceil(wide / THREADS)] : [pieces * c, 1];
    const read = [map.held.buffer, mean ?? this.numbers[0], parts.held.buffer];
    this.step(name, {...given, c, more, on: Number(mean !== undefined), a: 1}, read, threads, y);
    const made = this.buffer(16 * count);
    const whole = {c: count, ih: pieces, iw: 1, more: pieces, a: 1 / cells};
    this.step("sums", whole, [parts.held.buffer, this.numbers[0], made], count);
    this.give(parts);
    this.reads.push({buffer: made, size: 16 * count, uses: 1});
    return made;
  }
  /** Has mean and variance or covariance come back; a doubled map has those of the map.
   * @param {Feature} map
   * @param {import("./network.js").Level} level */
  measure(map, level) {
    this.mean(map, level.full ? "covariance" : "sums", this.mean(map, "sums"));
  }
  /** What comes out without a style; levels after the first are measured.
   * @param {Feature} map of level 0, which is held */
  without(map) {
    const {levels, decoder} = this.gpu.engine.plan;
    map.held.uses += 1;
    levels.forEach((level, number) => {
      if (number) this.measure(map, level);
      map = through(decoder[number], map, this);
    });
    return map;
  }
  /** Gives a level a style's statistics, by numbers that come with the frame.
   * @param {Feature} map
   * @param {import("./network.js").Level} level
   * @param {number} number */
  transfer(map, level, number) {
    const {h, w, c} = map,
      made = this.take(h, w, c),
      numbers = this.numbers[number],
      given = {h, w, ...this.read(map), c: c / 4};
    if (level.full) {
      this.step("recolour", given, [map.held.buffer, numbers, made.held.buffer], Math.ceil((h * w) / TOGETHER), c / 4);
    } else {
      const grain = number ? null : this.gpu.noise,
        read = [map.held.buffer, numbers, grain ?? numbers, made.held.buffer];
      this.step("affine", {...given, on: Number(grain !== null)}, read, (h * w * c) / 4);
    }
    return made;
  }
  /** Answers with the buffer of the step's numbers, which come with the frame.
   * @param {Feature} map
   * @param {Feature | null} without */
  unfold(map, without) {
    const {width, height} = this,
      {black, white} = this.gpu.engine.plan,
      size = 4 * width * height;
    const out = this.buffer(size);
    const [a, b, on] = [black, 1 / (white - black), Number(without !== null)],
      given = {h: height, w: width, ...this.read(map), on, a, b};
    const read = [map.held.buffer, this.rgba, (without ?? map).held.buffer, out];
    this.reads.push({buffer: out, size, uses: 1});
    return this.step("unfold", given, read, width * height);
  }
}
