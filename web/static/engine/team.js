/* Threads of the engine: each does its share of a kernel's work, on one memory.
 *
 * The first, the worker's own, says what is to be done in a few numbers that all share, does share 0 and
 * waits for the others. Without helpers it does all.
 */

/** @typedef {{postMessage: (message: unknown) => void, addEventListener: (type: "message", listener: () => void, options: {once: boolean}) => void, start?: () => void}} Port */
/** @typedef {import("./network.js").Memory} Memory */
/** @typedef {{code: WebAssembly.Module, memory: WebAssembly.Memory, stack: number, buffer: SharedArrayBuffer, part: number}} Place what a helper is given */

const STACK = 65536; // bytes for each helper
const SPINS = 3000; // looks at a number before a thread goes to sleep
const [TURN, DONE, KERNEL, COUNT, PARTS, EACH] = [0, 1, 2, 3, 4, 5]; // what the shared whole numbers mean
const WHOLE = 8; // whole numbers that are shared
const GIVEN = 16; // what a kernel takes, at most

/** Numbers that all threads share.
 * @param {SharedArrayBuffer} buffer */
const views = (buffer) => ({state: new Int32Array(buffer, 0, WHOLE), given: new Float64Array(buffer, 4 * WHOLE)});

/** Waits until a number is another one.
 * @param {Int32Array} state
 * @param {number} at
 * @param {(value: number) => boolean} waits */
const passed = (state, at, waits) => {
  for (let spin = 0; spin < SPINS; spin++) if (!waits(Atomics.load(state, at))) return;
  for (let value = Atomics.load(state, at); waits(value); value = Atomics.load(state, at))
    Atomics.wait(state, at, value);
};

/** Does one share of what a kernel is given; of its last number there is one for each share.
 * @param {Live.Kernels} kernels
 * @param {string} name
 * @param {number[]} given
 * @param {number} each bytes by which the last number differs, 0: it does not
 * @param {number} part
 * @param {number} parts */
const share = (kernels, name, given, each, part, parts) => {
  const own = each ? [...given.slice(0, -1), given[given.length - 1] + part * each] : given;
  kernels[/** @type {keyof Omit<Live.Kernels, "__heap_base" | "__stack_pointer">} */ (name)](...own, part, parts);
};

/** A helper's life: it does its share of whatever is asked for, and never returns.
 * @param {Live.Kernels} kernels
 * @param {string[]} names
 * @param {SharedArrayBuffer} buffer
 * @param {number} part */
export const help = (kernels, names, buffer, part) => {
  const {state, given} = views(buffer);
  for (let turn = 0; ;) {
    passed(state, TURN, (value) => value === turn);
    turn = Atomics.load(state, TURN);
    share(kernels, names[state[KERNEL]], [...given.subarray(0, state[COUNT])], state[EACH], part, state[PARTS]);
    Atomics.add(state, DONE, 1);
    Atomics.notify(state, DONE);
  }
};

export class Team {
  /**
   * @param {Live.Kernels} kernels
   * @param {SharedArrayBuffer | null} buffer
   * @param {number} most threads there are
   */
  constructor(kernels, buffer, most) {
    this.kernels = kernels;
    this.names = Object.keys(kernels);
    this.shared = buffer && views(buffer);
    this.most = most;
    this.alone = most === 1; // whether the first does all, so that the others sleep
  }
  /**
   * @param {Live.Kernels} kernels
   * @param {WebAssembly.Module} code
   * @param {Memory} memory
   * @param {(() => Port)[]} helpers
   */
  static async made(kernels, code, memory, helpers) {
    if (!helpers.length) return new Team(kernels, null, 1);
    const buffer = new SharedArrayBuffer(4 * WHOLE + 8 * GIVEN);
    const ready = helpers.map((begin, at) => {
      const port = begin(),
        stack = memory.take(STACK) + STACK;
      return new Promise((done) => {
        port.addEventListener("message", () => done(null), {once: true});
        port.postMessage({code, memory: memory.memory, stack, buffer, part: at + 1});
      });
    });
    await Promise.all(ready);
    return new Team(kernels, buffer, helpers.length + 1);
  }
  /** Has a kernel do all of its work; `each` bytes apart lie the last numbers that each share is given.
   * @param {string} name
   * @param {number[]} given
   * @param {number} each */
  run(name, given, each = 0) {
    if (!this.shared || this.alone) return share(this.kernels, name, given, 0, 0, 1);
    const {state} = this.shared,
      parts = this.most;
    this.shared.given.set(given);
    state[KERNEL] = this.names.indexOf(name);
    state[COUNT] = given.length;
    state[PARTS] = parts;
    state[EACH] = each;
    state[DONE] = 0;
    Atomics.add(state, TURN, 1);
    Atomics.notify(state, TURN);
    share(this.kernels, name, given, each, 0, parts);
    passed(state, DONE, (value) => value < parts - 1);
  }
}
