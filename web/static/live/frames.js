/* Painted frames on a canvas: always the newest one of the source, and one at a time. */
import {element, shaped} from "../core/dom.js";
import {t} from "../core/text.js";
import {sized} from "./pace.js";

/** @typedef {import("./painter.js").Made} Made */
/** @typedef {import("./worker.js").Look} Look */

const RECENT = 10; // frames whose rate is shown

export class Frames {
  /**
   * @param {import("./source.js").Source} source
   * @param {import("./painter.js").Painter} painter
   * @param {import("./pace.js").Pace} pace
   * @param {() => Look} look
   * @param {() => void} failed
   * @param {() => void} lost when the graphics card paints no more
   */
  constructor(source, painter, pace, look, failed, lost) {
    this.source = source;
    this.painter = painter;
    this.pace = pace;
    this.look = look;
    this.failed = failed;
    this.lost = lost;
    /** @type {import("./choice.js").Card} */
    this.card = "none";
    this.canvas = element("canvas", {role: "img", "aria-label": t("live.painted")});
    this.rate = element("span", {class: "rate", hidden: true});
    this.view = element("div", {class: "view mirrored"}, this.canvas, this.rate);
    this.busy = false; // a frame is under way
    this.missed = false; // another one came meanwhile
    this.waiting = false; // for the next one of the source
    this.turn = 0; // how often another source was begun with
    /** @type {number[]} when the last frames were shown */
    this.times = [];
    this.count = 0;
  }
  /** Paints what the source shows now; while a frame is under way, as soon as that is done. */
  async paint() {
    const {video} = this.source;
    this.missed = this.busy;
    if (this.busy || !this.source.on || !this.painter.known.size || !video.videoWidth) return;
    this.busy = true;
    const began = performance.now();
    try {
      const look = this.look();
      const size = sized(this.pace.beside(look.strokes), video.videoWidth, video.videoHeight);
      this.show(await this.painter.paint(video, size, look), size);
      this.view.dataset.look = JSON.stringify(look);
      this.pace.took((performance.now() - began) * (this.pace.side / Math.min(...size)) ** 2);
    } catch {
      this.failed();
    } finally {
      this.busy = false;
    }
    if (this.missed) void this.paint();
  }
  /** Paints the source's frames from the next one on. */
  follow() {
    if (this.waiting || !this.source.on || document.hidden) return;
    this.waiting = true;
    const {turn} = this;
    this.source.next(() => {
      if (turn !== this.turn) return;
      this.waiting = false;
      void this.paint();
      this.follow();
    });
  }
  /** Begins to follow another source, or none. */
  clear() {
    this.turn += 1;
    this.waiting = false;
    this.times = [];
    this.rate.hidden = true;
  }
  /** @param {Made} made
   * @param {number[]} size */
  show({data, bytes, threads, card}, [width, height]) {
    if (this.canvas.width !== width || this.canvas.height !== height) {
      Object.assign(this.canvas, {width, height});
      shaped(this.view, width, height);
    }
    this.canvas.getContext("2d")?.putImageData(new ImageData(data, width, height), 0, 0);
    this.times = [...this.times, performance.now()].slice(-RECENT);
    const [first, last] = [this.times[0], this.times[this.times.length - 1]];
    this.rate.hidden = this.times.length < RECENT;
    const count = Math.round((1000 * (RECENT - 1)) / (last - first));
    const by = t(card === "kept" ? "live.by.card" : "live.by.processor");
    if (!this.rate.hidden) this.rate.textContent = t("live.rate", {count, width, height, by});
    this.count += 1;
    Object.assign(this.view.dataset, {frames: this.count, bytes, threads, card});
    if (card !== this.card) this.turned(card);
  }
  /** The graphics card paints, or paints no more: sizes are chosen again.
   * @param {import("./choice.js").Card} card */
  turned(card) {
    if (card === "kept" || this.card === "kept") this.pace.again();
    this.card = card;
    if (card === "lost") this.lost();
  }
}
