/* The network on the graphics card, frame by frame: what Engine.paint does, with WebGPU.
 *
 * Maps of features stay on the card. What is measured of each level comes back as a few sums; roots and matrices are made of
 * them by the engine on the processor (engine.js), which measures styles too. So a frame takes a turn to and fro for each
 * level and one for the picture.
 */
import {smoothed} from "./moments.js";
import {convolutions, noise} from "./network.js";
import {Program} from "./program.js";
import {PROGRAMS} from "./wgsl.js";

/** @typedef {import("./engine.js").Engine} Engine */
/** @typedef {import("./moments.js").Moments} Moments */

const TAPS = 9;
const UNLIMITED = 1e9; // chroma
const SHARE = 56; // bytes before d in what a step is given

/** A convolution's weights as `conv` of wgsl.js reads them: filters by four, rows, channels by four, columns, 4 × 4.
 * @param {Int16Array} whole
 * @param {Float32Array} scales
 * @param {number} channels */
const arranged = (whole, scales, channels) =>
  Float32Array.from(whole, (_, to) => {
    const [vector, n, lane] = [to >> 4, (to >> 2) & 3, to & 3],
      [column, rest] = [vector % 3, Math.floor(vector / 3)];
    const c = (rest % (channels / 4)) * 4 + n,
      [row, block] = [Math.floor((rest * 4) / channels) % 3, Math.floor((rest * 4) / channels / 3)],
      o = block * 4 + lane;
    return whole[(o * channels + c) * TAPS + row * 3 + column] * scales[o];
  });

export class Gpu {
  /**
   * The network on the card that the browser gives, null where it gives none. Raises what goes wrong with it.
   * @param {Engine} engine
   * @param {ArrayBuffer} network
   */
  static async made(engine, network) {
    const adapter = await navigator.gpu?.requestAdapter();
    if (!adapter) return null;
    const device = await adapter.requestDevice();
    const made = await Promise.all(
      Object.entries(PROGRAMS).map(async ([name, code]) => {
        const compute = {module: device.createShaderModule({code}), entryPoint: "main"};
        return /** @type {const} */ ([name, await device.createComputePipelineAsync({layout: "auto", compute})]);
      }),
    );
    return new Gpu(engine, network, device, new Map(made));
  }
  /**
   * @param {Engine} engine
   * @param {ArrayBuffer} network
   * @param {GPUDevice} device
   * @param {Map<string, GPUComputePipeline>} pipelines
   */
  constructor(engine, network, device, pipelines) {
    this.engine = engine;
    this.device = device;
    this.pipelines = pipelines;
    const {plan} = engine;
    /** @type {string | null} why it paints no more */
    this.wrong = null;
    void device.lost.then(({reason, message}) => this.fail(`${reason} ${message}`));
    device.addEventListener("uncapturederror", ({error}) => this.fail(error.message));
    /** @type {Map<string, {weights: GPUBuffer, bias: GPUBuffer}>} */
    this.layers = new Map();
    for (const {step, bias, scales, whole} of convolutions(network))
      this.layers.set(step.conv ?? "", {weights: this.put(arranged(whole, scales, step.in)), bias: this.put(bias)});
    const [{channels}] = plan.levels;
    this.noise = plan.grain ? this.put(noise(channels, plan.grain)) : null;
    /** @type {Program | null} */
    this.program = null;
  }
  /** @param {string} why */
  fail(why) {
    this.wrong ??= why;
  }
  /** A buffer of the card's, with numbers in it.
   * @param {Float32Array<ArrayBuffer>} numbers */
  put(numbers) {
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST;
    const made = this.device.createBuffer({size: numbers.byteLength, usage});
    this.device.queue.writeBuffer(made, 0, numbers);
    return made;
  }
  /** Lets go of the card. */
  end() {
    this.fail("ended");
    this.device.destroy();
  }
  /** Has steps run, and answers with what they measured or made. Raises an error where the card does not answer.
   * @param {import("./program.js").Stage} stage */
  async ran({steps, reads, back}) {
    const encoder = this.device.createCommandEncoder(),
      pass = encoder.beginComputePass();
    for (const {pipeline, group, x, y} of steps) {
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(x, y);
    }
    pass.end();
    let at = 0;
    for (const {buffer, size} of reads) {
      encoder.copyBufferToBuffer(buffer, 0, back, at, size);
      at += size;
    }
    this.device.queue.submit([encoder.finish()]);
    await back.mapAsync(GPUMapMode.READ);
    const made = back.getMappedRange().slice(0);
    back.unmap();
    if (this.wrong) throw new Error(this.wrong);
    return made;
  }
  /** Gives the card what brings a level to a style's statistics.
   * @param {number} number of the level
   * @param {import("./moments.js").Style} style
   * @param {Moments} own
   * @param {Moments} plain
   * @param {number} alpha
   * @param {GPUBuffer} numbers */
  ask(number, style, own, plain, alpha, numbers) {
    const {engine} = this,
      {full, channels: c} = engine.plan.levels[number],
      wanted = style.levels[number];
    if (!full) engine.gains(wanted, number ? [] : style.parts, own, plain, alpha);
    const found = full ? engine.recolouring(own, wanted, plain, alpha) : engine.small.slice(0, 3);
    let to = 0;
    for (const at of found) {
      const one = engine.memory.floats(at, full && !to ? c * c : c).slice();
      this.device.queue.writeBuffer(numbers, to, one);
      to += one.byteLength;
    }
  }
  /** Paints a frame as `Engine.paint` does. Raises an error where the card does not.
   * @param {Parameters<Engine["paint"]>} given
   * @returns {Promise<ReturnType<Engine["paint"]>>} */
  async paint(...given) {
    const [picture, style, alpha = 1, before = null, keep = 0] = given,
      {engine, device} = this,
      {width, height} = picture,
      plain = alpha < 1;
    engine.see(picture);
    const most = Math.min(engine.mostChroma(style), UNLIMITED);
    let {program} = this;
    if (program?.width !== width || program.height !== height || program.plain !== plain) {
      program?.end();
      program = this.program = new Program(this, width, height, plain);
    }
    device.queue.writeBuffer(program.rgba, 0, new Uint8Array(picture.data));
    device.queue.writeBuffer(program.said, SHARE, new Float32Array([1 - alpha, most]));
    /** @type {import("./moments.js").Seen} */
    const seen = {own: [], plain: []};
    /** @type {Moments[]} */
    const without = [];
    for (const [number, stage] of program.stages.entries()) {
      const data = await this.ran(stage);
      let at = 0;
      const found = (number || !plain ? [engine.plan.levels[number]] : engine.plan.levels).map(({channels, full}) => {
        const [mean, spread] = [channels, full ? channels ** 2 : channels].map(
          (count) => new Float32Array(data, (at += 4 * count) - 4 * count, count),
        );
        return {mean, spread};
      });
      if (!number) without.push(...found);
      const own = smoothed(found[0], before?.own[number], keep);
      const back = plain && number ? smoothed(without[number], before?.plain[number], keep) : own;
      seen.own.push(own);
      seen.plain.push(back);
      this.ask(number, style, own, back, alpha, program.numbers[number]);
    }
    return {data: new Uint8ClampedArray(await this.ran(program.last)), seen};
  }
}
