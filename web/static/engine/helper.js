/* A thread beside the worker's own: it does its share of the engine's work. */
import {help} from "./team.js";

addEventListener(
  "message",
  async (/** @type {MessageEvent<import("./team.js").Place>} */ {data: {code, memory, stack, buffer, part}}) => {
    const {exports} = await WebAssembly.instantiate(code, {env: {memory}});
    const kernels = /** @type {Live.Kernels} */ (/** @type {unknown} */ (exports));
    kernels.__stack_pointer.value = stack;
    globalThis.postMessage("ready");
    help(kernels, Object.keys(kernels), buffer, part);
  },
  {once: true},
);
