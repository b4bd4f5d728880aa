/* The engine, away from the page: it does what is asked, one after the other. */
import {under} from "../core/place.js";
import {histogram, isCut} from "./cuts.js";
import {Engine, mixed} from "./engine.js";

/** @typedef {import("./engine.js").Style} Style */
/** @typedef {import("./layers.js").Picture} Picture */
/** @typedef {{names: string[], shares: number[], alpha: number}} Look which styles, and how much of each */
/** @typedef {{picture: Picture, look: Look, keep: number}} Frame */
/** @typedef {{id: number, measure?: {name: string, picture: Picture}, paint?: Frame, forget?: boolean}} Question */

/** @type {Map<string, Style>} */
const styles = new Map();
/** @type {import("./engine.js").Seen | null} */
let before = null;
/** @type {Float32Array | null} */
let colors = null;

/** @param {string} address */
const fetched = async (address) => {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.arrayBuffer();
};
/** The code with fused multiplication, where the browser takes it. */
const code = async () => {
  try {
    return await WebAssembly.compile(await fetched(under("/page/live/engine-relaxed.wasm")));
  } catch {
    return WebAssembly.compile(await fetched(under("/page/live/engine.wasm")));
  }
};
const opened = Promise.all([code(), fetched(under("/live/network"))]).then(([wasm, network]) =>
  Engine.made(wasm, network),
);

/** @param {Engine} engine
 * @param {Frame} frame */
const painted = (engine, {picture, look, keep}) => {
  const chosen = look.names.map((name) => /** @type {Style} */ (styles.get(name)));
  const now = histogram(picture.data);
  if (colors && isCut(colors, now)) before = null;
  colors = now;
  const since = performance.now();
  const {data, seen} = engine.paint(picture, mixed(chosen, look.shares), look.alpha, before, keep);
  before = seen;
  return {data, milliseconds: performance.now() - since, bytes: engine.bytes};
};

/** @param {Question} question */
const answered = async ({measure, paint, forget}) => {
  const engine = await opened;
  if (forget) before = colors = null;
  if (measure) styles.set(measure.name, engine.measure(measure.picture));
  return paint ? painted(engine, paint) : null;
};

addEventListener("message", async (/** @type {MessageEvent<Question>} */ {data: question}) => {
  const {id} = question;
  try {
    const made = await answered(question);
    globalThis.postMessage({id, made}, {transfer: made ? [made.data.buffer] : []});
  } catch (error) {
    globalThis.postMessage({id, failed: String(error)});
  }
});
