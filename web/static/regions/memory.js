/* Keeps what is painted in this tab's storage, with the photo it is painted on: so it survives a reload,
 * another language, a discarded tab, and a photo that is taken out and put back.
 */
import {fill} from "../core/dom.js";
import {PAINTED, isPainted} from "../form/memory.js";
import {value} from "../studio/field.js";
import {picture} from "../studio/uploads.js";
import * as layers from "./layers.js";

const MOST = 2_000_000; // characters; more is not kept

/** @typedef {{photo: string, feather: number, layers: Record<string, string>, strengths: Record<string, number>}} Painting */

const photo = () => picture(value("photo"));
/** Puts what is painted into the form.
 * @param {string} text of it, "" for nothing */
export const put = (text) => fill(document.querySelector("#regions textarea, #regions input"), text);
export const forget = () => sessionStorage.removeItem(PAINTED);
/** Keeps the layers as they are now.
 * @param {number} feather in percent */
export const keep = (feather) => {
  // the photo first, as `isPainted` has it
  const text = JSON.stringify({photo: photo(), feather, ...layers.saved()});
  try {
    if (text.length > MOST) forget();
    else sessionStorage.setItem(PAINTED, text);
  } catch {
    /* a browser without storage forgets */
  }
};
/** What was painted on the form's photo, for styles that are all chosen; null: nothing was.
 * @param {number[]} places of the chosen styles
 * @returns {Painting | null} */
const kept = (places) => {
  if (!isPainted(photo())) return null;
  try {
    const found = JSON.parse(sessionStorage.getItem(PAINTED) ?? "null");
    return Object.keys(found.layers).every((place) => places.includes(Number(place))) ? found : null;
  } catch {
    return null;
  }
};
/** @param {string} png in base64 */
const bitmap = (png) =>
  createImageBitmap(new Blob([Uint8Array.from(atob(png), (one) => one.charCodeAt(0))], {type: "image/png"}));
/**
 * Paints again what was kept; answers with the softness of its edges, null where nothing was painted.
 * @param {number[]} places of the chosen styles
 * @param {() => boolean} wanted whether it still may be, once it is read
 */
export const paintAgain = async (places, wanted) => {
  const found = kept(places);
  if (!found) return null;
  const pictures = await Promise.all(
    Object.entries(found.layers).map(
      async ([place, png]) => /** @type {[number, ImageBitmap]} */ ([Number(place), await bitmap(png)]),
    ),
  );
  if (!wanted()) return null;
  layers.load(pictures, found.strengths);
  return found.feather;
};
