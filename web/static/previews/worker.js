/* Previews, away from the page: fetches the form's pictures as small as the studio's previews have them, and
 * paints them as the studio does. One is asked for at a time.
 */
import {under} from "../core/place.js";
import {Engine, mixed} from "../engine/engine.js";
import {code, fetched} from "../engine/fetched.js";
import {planned} from "./plan.js";
import {resized} from "./resized.js";

/** @typedef {import("../engine/engine.js").Style} Style */
/** @typedef {import("../engine/engine.js").Passed} Passed */
/** @typedef {import("../engine/layers.js").Picture} Picture */
/** @typedef {{photo: string, styles: string[], shares: number[], alpha: number, strokes: number, trim: boolean}} Look what the form's fields hold, and its controls */
/** @typedef {{look: Look, size: number[], own: Picture, larger: Picture, back: Picture, passed: Passed | null}} Photo the photo itself, what is painted, and that made as small as the photo again */

const KEPT = 24; // styles whose measures are kept
const DEPTH = 4;
const OPAQUE = "image/jpeg";

/** @type {Map<string, Style>} */
const styles = new Map();
/** @type {Photo | null} */
let photo = null;
let milliseconds = 0; // that the last picture took to paint

const opened = (async () => Engine.made(await code(""), await fetched(under("/live/network"))))();
opened.catch(() => {}); // each request reports it

/** A picture of the form; null where the studio alone can say what becomes of it.
 * @param {string} value
 * @param {boolean} trim
 * @returns {Promise<Picture | null>} */
const picture = async (value, trim) => {
  const query = new URLSearchParams({value, trim: String(trim)});
  const answer = await fetch(under(`/live/picture?${query}`)).catch(() => null);
  if (!answer?.ok || answer.headers.get("Content-Type") !== OPAQUE) return null;
  const bitmap = await createImageBitmap(await answer.blob(), {colorSpaceConversion: "none"});
  const {width, height} = bitmap;
  const context = new OffscreenCanvas(width, height).getContext("2d", {willReadFrequently: true, alpha: false});
  if (!context) throw new TypeError("2d");
  context.drawImage(bitmap, 0, 0);
  bitmap.close();
  return {data: context.getImageData(0, 0, width, height).data, width, height};
};
/** Lets go of what the engine holds of the photo, before it sees another picture.
 * @param {Engine} engine */
const release = (engine) => {
  if (photo?.passed) engine.drop(photo.passed);
  if (photo) photo.passed = null;
};
/** A style's measures; null as `picture`.
 * @param {Engine} engine
 * @param {string} value
 * @param {boolean} trim */
const measured = async (engine, value, trim) => {
  const name = `${value} ${trim}`;
  const known = styles.get(name);
  if (known) return known;
  const given = await picture(value, trim);
  if (!given) return null;
  release(engine);
  const style = engine.measure(given);
  styles.set(name, style);
  for (const [first] of styles) if (styles.size > KEPT) styles.delete(first);
  return style;
};
/** The photo as it is painted; null as `picture`, or where it is not painted at once.
 * @param {Engine} engine
 * @param {Look} look */
const prepared = async (engine, look) => {
  if (photo?.look.photo === look.photo && photo.look.strokes === look.strokes) return photo;
  release(engine);
  photo = null;
  const given = await picture(look.photo, false);
  const plan = given && planned(given.width, given.height, look.strokes);
  if (!given || !plan) return null;
  const larger = resized(given, plan.painted),
    own = resized(given, plan.size);
  photo = {look, size: plan.size, own, larger, back: resized(larger, plan.size), passed: null};
  return photo;
};
/** What was painted, in the photo's size: what enlarging and reducing loses of the photo is given back as
 * what the network loses is.
 * @param {Photo} given
 * @param {Picture} painted
 * @param {number} alpha */
const reduced = ({own, larger, back, size}, painted, alpha) => {
  if (own.width === larger.width && own.height === larger.height) return painted;
  const made = resized(painted, size),
    data = new Uint8ClampedArray(made.data.length);
  for (let i = 0; i < data.length; i++)
    data[i] = Math.floor(made.data[i] + (1 - alpha) * (own.data[i] - back.data[i]) + 0.5);
  for (let i = DEPTH - 1; i < data.length; i += DEPTH) data[i] = 255;
  return {...made, data};
};
/** @param {Engine} engine
 * @param {Look} look
 * @returns {Promise<Picture | null>} */
const painted = async (engine, look) => {
  /** @type {Style[]} */
  const chosen = [];
  for (const value of look.styles) {
    const style = await measured(engine, value, look.trim);
    if (!style) return null;
    chosen.push(style);
  }
  const given = await prepared(engine, look);
  if (!given || !look.alpha) return given && given.own;
  const {larger} = given;
  if (!given.passed?.without && look.alpha < 1) release(engine);
  given.passed ??= engine.pass(larger, look.alpha < 1);
  const since = performance.now();
  const {data} = engine.paint(larger, mixed(chosen, look.shares), look.alpha, null, 0, given.passed);
  const made = reduced(given, {...larger, data}, look.alpha);
  milliseconds = performance.now() - since;
  return made;
};
/** A picture as a file that loses nothing.
 * @param {Picture} given */
const file = ({data, width, height}) => {
  const canvas = new OffscreenCanvas(width, height);
  canvas
    .getContext("2d", {alpha: false})
    ?.putImageData(new ImageData(new Uint8ClampedArray(data), width, height), 0, 0);
  return canvas.convertToBlob({type: "image/png"});
};

addEventListener("message", async (/** @type {MessageEvent<Look>} */ {data: look}) => {
  try {
    const engine = await opened,
      made = await painted(engine, look);
    const blob = made && (await file(made));
    globalThis.postMessage({blob, milliseconds, bytes: engine.bytes});
  } catch (error) {
    globalThis.postMessage({failed: String(error)});
  }
});
