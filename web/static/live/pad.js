/* The style pad of /live: the point between up to four styles gives their shares at once. */
import {element} from "../core/dom.js";
import {t} from "../core/text.js";
import {shares} from "../studio/pad.js";

const STEP = 0.05; // of the pad's side, for one arrow key
const MOST = 4;
/** @type {Record<string, [number, number]>} */
const KEYS = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};

/** @typedef {{small: string, title: string}} Corner */

export class Pad {
  constructor() {
    this.x = this.y = 0.5;
    /** @type {Corner[]} */
    this.corners = [];
    this.point = element("span", {
      class: "point",
      role: "slider",
      tabindex: 0,
      "aria-label": t("pad"),
      "aria-valuemin": 0,
      "aria-valuemax": 100,
      onkeydown: (event) => this.key(event),
    });
    this.images = Array.from({length: MOST}, () => element("img", {alt: "", hidden: true}));
    const drag = (/** @type {PointerEvent} */ event) => this.drag(event);
    this.square = element("div", {class: "square", onpointerdown: drag, onpointermove: drag}, this.images, this.point);
    this.root = element("div", {id: "pad", hidden: true}, this.square, element("p", {class: "hint"}, t("pad.hint")));
  }
  /** The share of each style, together 1. */
  get shares() {
    return this.corners.length < 2 ? [1] : shares(this.corners.length, this.x, this.y);
  }
  /** Puts styles into the corners.
   * @param {Corner[]} corners */
  show(corners) {
    this.corners = corners;
    this.root.hidden = corners.length < 2;
    this.square.dataset.count = String(corners.length);
    this.images.forEach((image, at) => {
      image.hidden = at >= corners.length;
      if (corners[at]) image.src = corners[at].small;
    });
    this.move(0.5, corners.length === 3 ? 1 / 3 : 0.5);
  }
  /**
   * @param {number} x
   * @param {number} y
   */
  move(x, y) {
    this.x = Math.min(1, Math.max(0, x));
    this.y = Math.min(1, Math.max(0, y));
    this.square.style.setProperty("--x", String(this.x));
    this.square.style.setProperty("--y", String(this.y));
    const named = this.shares.map((share, at) => `${this.corners[at]?.title}: ${Math.round(100 * share)} %`);
    this.point.setAttribute("aria-valuenow", String(Math.round(100 * this.x)));
    this.point.setAttribute("aria-valuetext", named.join(", "));
  }
  /** @param {PointerEvent} event */
  drag(event) {
    if (event.type === "pointerdown") this.square.setPointerCapture(event.pointerId);
    else if (!this.square.hasPointerCapture(event.pointerId)) return;
    const box = this.square.getBoundingClientRect();
    this.move((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
    this.point.focus({preventScroll: true});
    event.preventDefault();
  }
  /** @param {KeyboardEvent} event */
  key(event) {
    const [right, down] = KEYS[event.key] ?? [];
    if (right === undefined) return;
    event.preventDefault();
    this.move(this.x + right * STEP, this.y + down * STEP);
  }
}
