/* The layers that are painted over the photo: one a style, which holds where that style acts.
 *
 * A stroke adds to one layer and takes from the others, so that they never overlap.
 */
import {element} from "../core/dom.js";

export const COLORS = ["#3f49d1", "#e8791c", "#109468", "#c22f86"]; // of the styles, in the form's order
export const NONE = -1; // the brush that leaves the photo as it is
const LONGEST = 640; // pixels of the longer side

/** @type {Map<number, HTMLCanvasElement>} place of the style in the form → its layer */
let layers = new Map();
/** @type {Map<number, number>} place of the style → how strongly it acts in its region, from 0 to 1 */
const strengths = new Map();
let width = 1,
  height = 1;

const blank = () => element("canvas", {width, height});
/** @param {HTMLCanvasElement} canvas */
const png = (canvas) => canvas.toDataURL("image/png").split(",")[1];
/** @param {HTMLCanvasElement} canvas
 * @returns {CanvasRenderingContext2D} */
const pen = (canvas) => {
  const found = canvas.getContext("2d");
  if (!found) throw new TypeError("2d");
  return found;
};
/** @param {HTMLCanvasElement} layer */
const fill = (layer) => {
  const ink = pen(layer);
  ink.fillStyle = "#fff";
  ink.fillRect(0, 0, layer.width, layer.height);
};

/** The layers as they are now. */
export const copies = () =>
  new Map(
    [...layers].map(([place, layer]) => {
      const copy = blank();
      pen(copy).drawImage(layer, 0, 0);
      return [place, copy];
    }),
  );
/** Puts layers back as they were; those added since are empty.
 * @param {Map<number, HTMLCanvasElement>} before */
export const putBack = (before) => {
  for (const [place, layer] of layers) {
    const ink = pen(layer),
      old = before.get(place);
    ink.clearRect(0, 0, width, height);
    if (old) ink.drawImage(old, 0, 0);
  }
};
/** How strongly a style acts in its region, from 0 to 1.
 * @param {number} place */
export const strength = (place) => strengths.get(place) ?? 1;
/**
 * @param {number} place
 * @param {number} share from 0 to 1
 */
export const weaken = (place, share) => strengths.set(place, share);
/** The styles that have a layer. */
export const places = () => [...layers.keys()];
export const drop = () => layers.clear();
/** Gives a style an empty layer if it has none.
 * @param {number} place */
export const add = (place) => {
  if (!layers.has(place)) layers.set(place, blank());
};
/**
 * Begins again, as large as a photo: the first style has all of it.
 * @param {HTMLImageElement} photo
 * @param {number[]} chosen places of the styles
 */
export const begin = (photo, chosen) => {
  const scale = LONGEST / Math.max(photo.naturalWidth, photo.naturalHeight);
  width = Math.max(1, Math.round(photo.naturalWidth * scale));
  height = Math.max(1, Math.round(photo.naturalHeight * scale));
  layers = new Map(chosen.map((place) => [place, blank()]));
  strengths.clear();
  fill([...layers.values()][0]);
  return {width, height};
};

/**
 * @param {number | null} brush place of a style, or NONE
 * @param {Page.Spot} from in [0, 1]
 * @param {Page.Spot} to
 * @param {number} thickness of the width
 */
export const stroke = (brush, from, to, thickness) => {
  for (const [place, layer] of layers) {
    const ink = pen(layer);
    ink.globalCompositeOperation = place === brush ? "source-over" : "destination-out";
    Object.assign(ink, {lineCap: "round", lineJoin: "round", lineWidth: thickness * width, strokeStyle: "#fff"});
    ink.beginPath();
    ink.moveTo(from.x * width, from.y * height);
    ink.lineTo(to.x * width + 0.01, to.y * height);
    ink.stroke();
    ink.globalCompositeOperation = "source-over";
  }
};
/** A subject, white on black, as white on nothing.
 * @param {ImageBitmap} found */
const shapeOf = (found) => {
  const shape = blank();
  const ink = shape.getContext("2d", {willReadFrequently: true}) ?? pen(shape);
  ink.drawImage(found, 0, 0, width, height);
  const pixels = ink.getImageData(0, 0, width, height);
  for (let at = 0; at < pixels.data.length; at += 4) pixels.data[at + 3] = pixels.data[at];
  ink.putImageData(pixels, 0, 0);
  return shape;
};
/**
 * Gives the subject to one style, and all else to the first.
 * @param {ImageBitmap} found
 * @param {number | null} brush
 */
export const putSubject = (found, brush) => {
  const shape = shapeOf(found),
    [first] = layers.keys();
  for (const [place, layer] of layers) {
    const ink = pen(layer);
    ink.clearRect(0, 0, width, height);
    if (place === first && brush !== first) {
      fill(layer);
      ink.globalCompositeOperation = "destination-out";
      ink.drawImage(shape, 0, 0);
      ink.globalCompositeOperation = "source-over";
    } else if (place === brush) ink.drawImage(shape, 0, 0);
  }
};

/** The layers as PNGs in base64, and how strongly their styles act, to be loaded again. */
export const saved = () => ({
  layers: Object.fromEntries([...layers].map(([place, layer]) => [place, png(layer)])),
  strengths: Object.fromEntries(strengths),
});
/**
 * Paints layers as they were saved.
 * @param {[number, ImageBitmap][]} pictures place of the style → its layer
 * @param {Record<string, number>} shares place of the style → how strongly it acts
 */
export const load = (pictures, shares) => {
  const was = new Map(
    pictures.map(([place, picture]) => {
      const layer = blank();
      pen(layer).drawImage(picture, 0, 0, width, height);
      return [place, layer];
    }),
  );
  putBack(was);
  for (const [place, share] of Object.entries(shares)) weaken(Number(place), share);
};
/** Draws all layers in the styles' colours.
 * @param {HTMLCanvasElement} canvas */
export const paintOn = (canvas) => {
  const target = pen(canvas),
    tint = blank(),
    ink = pen(tint);
  target.clearRect(0, 0, canvas.width, canvas.height);
  for (const [place, layer] of layers) {
    ink.globalCompositeOperation = "copy";
    ink.drawImage(layer, 0, 0);
    ink.globalCompositeOperation = "source-in";
    ink.fillStyle = COLORS[place];
    ink.fillRect(0, 0, width, height);
    target.globalAlpha = 0.2 + 0.8 * strength(place); // seen in any case
    target.drawImage(tint, 0, 0);
    target.globalAlpha = 1;
  }
};
/** A PNG in base64, on black white where the style acts wholly, grey where less.
 * @param {number} place
 * @param {HTMLCanvasElement} layer */
const mask = (place, layer) => {
  const made = blank(),
    ink = pen(made);
  ink.fillRect(0, 0, width, height);
  ink.globalAlpha = strength(place);
  ink.drawImage(layer, 0, 0);
  return png(made);
};
/** The layers as the form sends them.
 * @param {number} feather in percent */
export const encoded = (feather) =>
  JSON.stringify({
    width,
    height,
    feather,
    masks: Object.fromEntries([...layers].map(([place, layer]) => [place, mask(place, layer)])),
  });
