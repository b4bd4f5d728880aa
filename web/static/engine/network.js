/* A network as data (adain/live/packed.py): its weights in the engine's memory, and its noise. */

/** @typedef {{conv?: string, in: number, out: number, stride: number, relu: boolean, keep?: boolean, plus?: boolean, up?: boolean}} Step */
/** @typedef {{channels: number, stride: number, full: boolean}} Level */
/** @typedef {{network: string, black: number, white: number, stride: number, grain: number, epsilon: number, ridge: number, least: number, levels: Level[], encoder: Step[], decoder: Step[][]}} Plan */
/** @typedef {{filters: number, weights: number, bias: number}} Layer filters in whole vectors, and where its numbers lie */

const PAGE = 65536; // bytes
const POINTS = 36; // of a transformed tile
const TAPS = 9;
const SIDE = 64; // cells, after which the noise repeats
const [STATE, MIDDLE] = [624, 397]; // of the Mersenne Twister

const [LEAST, MOST] = [16, 4096]; // pages

/** The engine's memory, handed out from one end; what lies after a mark is handed out again. */
export class Memory {
  /** @param {boolean} shared between threads */
  constructor(shared) {
    this.memory = new WebAssembly.Memory({initial: LEAST, maximum: MOST, shared});
    this.top = 0;
  }
  /** Where so many bytes begin, at a whole vector.
   * @param {number} bytes */
  take(bytes) {
    const at = this.top;
    this.top += Math.ceil(bytes / 16) * 16;
    const missing = this.top - this.memory.buffer.byteLength;
    if (missing > 0) this.memory.grow(Math.ceil(missing / PAGE));
    return at;
  }
  /** Where so many float32 begin, which are 0.
   * @param {number} count */
  zeros(count) {
    const at = this.take(4 * count);
    this.floats(at, count).fill(0);
    return at;
  }
  /** Where numbers lie that are put there.
   * @param {Float32Array} numbers */
  keep(numbers) {
    const at = this.take(4 * numbers.length);
    this.floats(at, numbers.length).set(numbers);
    return at;
  }
  /** What lies there; of use until more memory is taken.
   * @param {number} at
   * @param {number} count */
  floats(at, count) {
    return new Float32Array(this.memory.buffer, at, count);
  }
}

/** Reads the description; answers with it and where the weights begin.
 * @param {ArrayBuffer} data
 * @returns {[Plan, number]} */
export const described = (data) => {
  const end = 4 + new DataView(data).getUint32(0, true);
  return [JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, end - 4))), end];
};

/**
 * Brings a convolution's weights into the order in which the engine reads them.
 * @param {Live.Kernels} kernels
 * @param {Memory} memory
 * @param {Step} step
 * @param {number} raw where its float32 weights lie
 */
const arranged = (kernels, memory, step, raw) => {
  const filters = Math.ceil(step.out / 8) * 8,
    direct = step.stride > 1;
  const at = memory.zeros((direct ? TAPS : POINTS) * step.in * filters);
  if (direct) kernels.arrange(raw, at, step.in, step.in, step.out);
  else kernels.transform(raw, at, step.in, step.in, step.out, 0, 1);
  return {filters, at};
};

/** The convolutions of a network: 16-bit weights, and a scale and a bias for each filter.
 * @param {ArrayBuffer} data */
export function* convolutions(data) {
  const [plan, start] = described(data);
  let at = start;
  for (const step of [plan.encoder, ...plan.decoder].flat().filter((one) => one.conv)) {
    const {out} = step,
      count = step.in * out * TAPS;
    const bias = new Float32Array(data, at, out),
      scales = new Float32Array(data, at + 4 * out, out),
      whole = new Int16Array(data, at + 8 * out, count);
    at += 8 * out + Math.ceil(count / 2) * 4;
    yield {step, bias, scales, whole};
  }
}
/**
 * Puts the weights of all convolutions into the engine's memory.
 * @param {Live.Kernels} kernels
 * @param {Memory} memory
 * @param {ArrayBuffer} data
 * @returns {{plan: Plan, layers: Map<string, Layer>}}
 */
export const loaded = (kernels, memory, data) => {
  const [plan] = described(data);
  const layers = new Map(),
    all = [...convolutions(data)];
  const most = Math.max(...all.map((one) => one.whole.length));
  const at = memory.take(2 * most),
    raw = memory.take(4 * most),
    factors = memory.take(4 * Math.max(...all.map((one) => one.scales.length)));
  for (const {step, bias: given, scales, whole} of all) {
    const bias = memory.zeros(Math.ceil(step.out / 8) * 8);
    memory.floats(bias, step.out).set(given);
    memory.floats(factors, step.out).set(scales);
    new Int16Array(memory.memory.buffer, at, whole.length).set(whole);
    kernels.scaled(at, factors, raw, step.out, step.in * TAPS);
    const {filters, at: weights} = arranged(kernels, memory, step, raw);
    layers.set(step.conv, {filters, weights, bias});
  }
  return {plan, layers};
};

/**
 * What steps make of a map, which is given back.
 * @template Map
 * @param {Step[]} steps
 * @param {Map} map
 * @param {{up: (map: Map) => Map, conv: (step: Step, map: Map, plus: Map | null) => Map, give: (map: Map) => void}} by
 */
export const through = (steps, map, by) => {
  /** @type {Map | null} */
  let kept = null;
  for (const step of steps) {
    if (step.keep) kept = map;
    const made = step.up ? by.up(map) : by.conv(step, map, step.plus ? kept : null);
    if (map !== kept) by.give(map);
    if (step.plus && kept) {
      by.give(kept);
      kept = null;
    }
    map = made;
  }
  return map;
};

/* ------------------------------------------------------------ noise */

/** The Mersenne Twister MT19937: whole numbers of 32 bits.
 * @param {number} seed */
const twister = (seed) => {
  const state = new Uint32Array(STATE);
  state[0] = seed;
  for (let i = 1; i < STATE; i++) state[i] = Math.imul(1812433253, state[i - 1] ^ (state[i - 1] >>> 30)) + i;
  let at = STATE;
  const renew = () => {
    for (let i = 0; i < STATE; i++) {
      const bits = (state[i] & 0x80000000) | (state[(i + 1) % STATE] & 0x7fffffff);
      state[i] = state[(i + MIDDLE) % STATE] ^ (bits >>> 1) ^ (bits & 1 ? 0x9908b0df : 0);
    }
    at = 0;
  };
  return () => {
    if (at === STATE) renew();
    let bits = state[at++];
    bits ^= bits >>> 11;
    bits ^= (bits << 7) & 0x9d2c5680;
    bits ^= (bits << 15) & 0xefc60000;
    return (bits ^ (bits >>> 18)) >>> 0;
  };
};

/** Standard normal numbers by the polar method, two at a time.
 * @param {number} count
 * @param {number} seed */
export const normals = (count, seed = 0) => {
  const next = twister(seed),
    unit = () => ((next() >>> 5) * 67108864 + (next() >>> 6)) / 9007199254740992;
  const made = new Float32Array(count);
  for (let i = 0; i < count; i += 2) {
    let x, y, square;
    do {
      x = 2 * unit() - 1;
      y = 2 * unit() - 1;
      square = x * x + y * y;
    } while (square >= 1 || square === 0);
    const factor = Math.sqrt((-2 * Math.log(square)) / square);
    made[i] = factor * y;
    if (i + 1 < count) made[i + 1] = factor * x;
  }
  return made;
};

/** The network's noise, numpy's `RandomState(0).standard_normal` times a deviation: cells × channels.
 * @param {number} channels
 * @param {number} deviation */
export const noise = (channels, deviation) => {
  const drawn = normals(channels * SIDE * SIDE),
    made = new Float32Array(drawn.length);
  for (let c = 0; c < channels; c++)
    for (let i = 0; i < SIDE * SIDE; i++) made[i * channels + c] = drawn[c * SIDE * SIDE + i] * deviation;
  return made;
};
