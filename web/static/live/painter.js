/* The page's end of the worker: one frame is under way at a time, and the page never waits. */

import {t} from "../core/text.js";

/** @typedef {import("../engine/layers.js").Picture} Picture */
/** @typedef {import("./worker.js").Look} Look */
/** @typedef {{data: Uint8ClampedArray<ArrayBuffer>, milliseconds: number, bytes: number, threads: number, card: import("./choice.js").Card}} Made */

const STYLE_SIDE = 384; // pixels of the shorter side at which styles are measured
const KEEP = 0.9; // of what was measured before: the pace of light and colours

/** The pixels of something drawable.
 * @param {CanvasImageSource} source
 * @param {number} width
 * @param {number} height
 * @param {OffscreenCanvas} canvas */
export const pixels = (source, width, height, canvas) => {
  if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, {width, height});
  const context = canvas.getContext("2d", {willReadFrequently: true, alpha: false});
  if (!context) throw new TypeError("2d");
  context.drawImage(source, 0, 0, width, height);
  return {data: context.getImageData(0, 0, width, height).data, width, height};
};

export class Painter {
  constructor() {
    this.worker = new Worker(new URL("worker.js", import.meta.url), {type: "module"});
    /** @type {Map<number, {done: (made: any) => void, failed: (error: Error) => void}>} */
    this.asked = new Map();
    this.count = 0;
    /** @type {Set<string>} */
    this.known = new Set();
    this.canvas = new OffscreenCanvas(1, 1);
    this.worker.addEventListener("message", ({data: {id, made, failed}}) => {
      const one = this.asked.get(id);
      this.asked.delete(id);
      if (failed === undefined) one?.done(made);
      else one?.failed(new Error(t("live.failed"), {cause: failed}));
    });
    this.worker.addEventListener("error", (event) => {
      for (const one of this.asked.values()) one.failed(new Error(t("live.failed"), {cause: event.message}));
      this.asked.clear();
    });
  }
  /**
   * @param {object} question
   * @param {Transferable[]} moved
   * @returns {Promise<any>}
   */
  ask(question, moved = []) {
    const id = this.count++;
    return new Promise((done, failed) => {
      this.asked.set(id, {done, failed});
      this.worker.postMessage({id, ...question}, moved);
    });
  }
  /** Measures a style picture, once. Raises an error whose message is for the visitor.
   * @param {string} name
   * @param {Blob} file */
  async measure(name, file) {
    if (this.known.has(name)) return;
    const bitmap = await createImageBitmap(file).catch(() => {
      throw new Error(t("live.no.picture"));
    });
    const scale = Math.min(1, STYLE_SIDE / Math.min(bitmap.width, bitmap.height));
    const [width, height] = [bitmap.width, bitmap.height].map((one) => Math.max(16, Math.round(one * scale)));
    const picture = pixels(bitmap, width, height, new OffscreenCanvas(width, height));
    bitmap.close();
    await this.ask({measure: {name, picture}}, [picture.data.buffer]);
    this.known.add(name);
  }
  /**
   * Paints what a source shows now.
   * @param {CanvasImageSource} source
   * @param {number[]} size
   * @param {Look} look
   * @returns {Promise<Made>}
   */
  paint(source, [width, height], look) {
    const picture = pixels(source, width, height, this.canvas);
    return this.ask({paint: {picture, look, keep: KEEP}}, [picture.data.buffer]);
  }
  /** Has what was measured of frames so far forgotten, as when the camera is another. */
  forget() {
    return this.ask({forget: true});
  }
}
