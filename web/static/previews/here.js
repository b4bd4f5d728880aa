/* Previews that this browser paints itself, by the engine of /live in one thread, where it can do what the form
 * asks; for the rest there is the studio. Fetched once a photo of the visitor's own is chosen.
 */
import {find} from "../core/dom.js";
import {hows} from "../core/text.js";
import {held} from "../form/memory.js";

/** @typedef {import("./worker.js").Look} Look */

const NETWORK = "compact"; // that /live/network answers with
const LONGEST = 2000; // milliseconds until the studio is asked after all; a slower device is not asked again
const USUAL = {share: 50, strokes: 100};

/** @type {Worker | null} */
let worker = null;
let working = false, // at what was asked for, wanted or not
  off = "WebAssembly" in globalThis && "OffscreenCanvas" in globalThis ? "" : "no engine"; // why it paints no more
/** @type {(blob: Blob | null) => void} */
let answer = () => {};

/** @param {string} why */
const stop = (why) => {
  off = why;
  console.warn("previews are the studio's:", why);
  worker?.terminate();
  worker = null;
  working = false;
  answer(null);
};
const open = () => {
  const made = new Worker(new URL("worker.js", import.meta.url), {type: "module"});
  made.addEventListener("message", ({data: {blob, milliseconds, failed}}) => {
    working = false;
    if (failed !== undefined) stop(failed);
    else if (milliseconds > LONGEST) stop(`${Math.round(milliseconds)} ms`);
    else answer(blob);
  });
  made.addEventListener("error", (event) => stop(event.message));
  return made;
};

/** Tells whether the visitor saves data, as a browser says that knows it. */
const saves = () => {
  const {connection} = /** @type {{connection?: {saveData?: boolean}}} */ (navigator);
  return connection?.saveData === true;
};
/** What is to be painted; null: only the studio can.
 * @returns {Look | null} */
const wanted = () => {
  const parts = held(),
    network = parts.network ?? find(document, "#stage").dataset.network;
  const regions = document.querySelector("#regions :is(textarea, input)");
  const painted = regions && "value" in regions && regions.value;
  const masked = Object.keys(parts).some((id) => id.startsWith("value-mask-") && parts[id]);
  if (painted || masked || parts.color !== "style" || (parts.how ?? hows[0]) !== hows[0] || network !== NETWORK)
    return null;
  const places = Object.keys(parts)
    .filter((id) => id.startsWith("value-style-") && parts[id])
    .map((id) => id.split("-")[2])
    .sort();
  const shares = places.length > 1 ? places.map((place) => Number(parts[`share-${place}`] ?? USUAL.share)) : [1];
  if (!places.length || !shares.some(Boolean)) return null;
  return {
    photo: parts["value-photo"],
    styles: places.map((place) => parts[`value-style-${place}`]),
    shares,
    alpha: Number(parts.strength) / 100,
    strokes: Number(parts.strokes ?? USUAL.strokes) / 100,
    trim: parts.margins !== "keep",
  };
};

/** Answers with the picture of the form as it is now; null: the studio makes it.
 * @returns {Promise<Blob | null>} */
export const painted = async () => {
  const look = off || working || saves() ? null : wanted();
  if (!look) return null;
  worker ??= open();
  working = true;
  worker.postMessage(look);
  return new Promise((done) => {
    const late = setTimeout(() => answer(null), LONGEST);
    answer = (blob) => {
      clearTimeout(late);
      answer = () => {};
      done(blob);
    };
  });
};

document.addEventListener("visibilitychange", () => {
  if (!document.hidden || working) return;
  worker?.terminate(); // its memory is of more use elsewhere
  worker = null;
});
