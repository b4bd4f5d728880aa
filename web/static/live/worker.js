/* The engine, away from the page: it does what is asked, one after the other. */
import {under} from "../core/place.js";
import {histogram, isCut} from "./cuts.js";
import {Engine, mixed} from "../engine/engine.js";
import {Trial} from "./pace.js";

/** @typedef {import("../engine/engine.js").Style} Style */
/** @typedef {import("../engine/layers.js").Picture} Picture */
/** @typedef {{names: string[], shares: number[], alpha: number, strokes: number}} Look which styles, how much of each, and how broad strokes are beside the usual ones */
/** @typedef {{picture: Picture, look: Look, keep: number}} Frame */
/** @typedef {{id: number, measure?: {name: string, picture: Picture}, paint?: Frame, forget?: boolean}} Question */

const MOST = 4; // threads

/** @type {Map<string, Style>} */
const styles = new Map();
/** @type {import("../engine/engine.js").Seen | null} */
let before = null;
/** @type {Float32Array | null} */
let colors = null;

/** @param {string} address */
const fetched = async (address) => {
  const answer = await fetch(address);
  if (!answer.ok) throw new Error(String(answer.status));
  return answer.arrayBuffer();
};
/** The code with fused multiplication, where the browser takes it.
 * @param {string} kind */
const code = async (kind) => {
  try {
    return await WebAssembly.compile(await fetched(under(`/page/engine/engine-relaxed${kind}.wasm`)));
  } catch {
    return WebAssembly.compile(await fetched(under(`/page/engine/engine${kind}.wasm`)));
  }
};
const cores = Math.min(MOST, navigator.hardwareConcurrency || 1);
const helpers = Array.from(
  {length: cores - 1},
  () => () => new Worker(new URL("../engine/helper.js", import.meta.url), {type: "module"}),
);
/** The engine with threads, where the page may share memory between them. */
const open = async () => {
  const network = await fetched(under("/live/network"));
  if (globalThis.crossOriginIsolated && helpers.length) {
    try {
      return await Engine.made(await code("-threads"), network, helpers);
    } catch {
      // a device that gives no shared memory
    }
  }
  return Engine.made(await code(""), network);
};
const opened = open();
const trial = new Trial();

/** @param {Engine} engine
 * @param {Frame} frame */
const painted = (engine, {picture, look, keep}) => {
  const chosen = look.names.map((name) => /** @type {Style} */ (styles.get(name)));
  const now = histogram(picture.data);
  if (colors && isCut(colors, now)) before = null;
  colors = now;
  const since = performance.now(),
    {team} = engine;
  team.alone = team.most === 1 || trial.alone;
  const {data, seen} = engine.paint(picture, mixed(chosen, look.shares), look.alpha, before, keep);
  before = seen;
  const milliseconds = performance.now() - since;
  trial.took(milliseconds / (picture.width * picture.height));
  return {data, milliseconds, bytes: engine.bytes, threads: team.most};
};

/** @param {Question} question */
const answered = async ({measure, paint, forget}) => {
  const engine = await opened;
  if (forget) {
    before = colors = null;
    trial.again();
  }
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
