/* The engine, away from the page: it does what is asked, one after the other. */
import {under} from "../core/place.js";
import {histogram, isCut} from "./cuts.js";
import {Engine, mixed} from "../engine/engine.js";
import {code, fetched} from "../engine/fetched.js";
import {Choice} from "./choice.js";

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

const cores = Math.min(MOST, navigator.hardwareConcurrency || 1);
const helpers = Array.from(
  {length: cores - 1},
  () => () => new Worker(new URL("../engine/helper.js", import.meta.url), {type: "module"}),
);
/** The engine with threads, where the page may share memory between them.
 * @param {ArrayBuffer} network */
const engineOf = async (network) => {
  if (globalThis.crossOriginIsolated && helpers.length) {
    try {
      return await Engine.made(await code("-threads"), network, helpers);
    } catch {
      // a device that gives no shared memory
    }
  }
  return Engine.made(await code(""), network);
};
const open = async () => {
  const network = await fetched(under("/live/network"));
  const choice = new Choice(await engineOf(network));
  void choice.open(network);
  return choice;
};
const opened = open();

/** @param {Choice} choice
 * @param {Frame} frame */
const painted = async (choice, {picture, look, keep}) => {
  const chosen = look.names.map((name) => /** @type {Style} */ (styles.get(name)));
  const now = histogram(picture.data);
  if (colors && isCut(colors, now)) before = null;
  colors = now;
  const since = performance.now();
  const {data, seen} = await choice.paint(picture, mixed(chosen, look.shares), look.alpha, before, keep);
  before = seen;
  const {card, engine} = choice;
  return {data, milliseconds: performance.now() - since, bytes: engine.bytes, threads: engine.team.most, card};
};

/** @param {Question} question */
const answered = async ({measure, paint, forget}) => {
  const choice = await opened;
  if (forget) {
    before = colors = null;
    choice.again();
  }
  if (measure) styles.set(measure.name, choice.engine.measure(measure.picture));
  return paint ? painted(choice, paint) : null;
};

/** Answers the page.
 * @param {Question} question */
const answer = async (question) => {
  const {id} = question;
  try {
    const made = await answered(question);
    globalThis.postMessage({id, made}, {transfer: made ? [made.data.buffer] : []});
  } catch (error) {
    globalThis.postMessage({id, failed: String(error)});
  }
};
let last = Promise.resolve();
addEventListener("message", (/** @type {MessageEvent<Question>} */ {data: question}) => {
  last = last.then(() => answer(question));
});
