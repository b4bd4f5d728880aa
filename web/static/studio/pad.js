/* The style pad: a style in each corner, and a point between them that says their shares.
 *
 * The share sliders hold the truth; the pad reads them and moves them, as a hand would. Two
 * styles lie left and right, a third below them both, a fourth makes it a square (bilinear).
 */
import {element, fill, find, origin} from "../core/dom.js";
import {t} from "../core/text.js";

const STEP = 0.05; // of the pad's side, for one arrow key
const MOST = 4;

let root = element("div"),
  square = element("div"),
  point = element("span");
/** @type {number[]} of the chosen styles, in the form */
let places = [];
let pulled = false; // the pad moves the sliders; what they tell is our own

/** @param {number} place
 * @returns {HTMLInputElement | null} */
const field = (place) => document.querySelector(`#share-${place} input[type="number"]`);
/** Moves a style's slider.
 * @param {number} place
 * @param {number} value */
const slide = (place, value) => {
  const input = field(place);
  if (!input || Number(input.value) === value) return;
  fill(input, String(value));
  input.dispatchEvent(new Event("change", {bubbles: true}));
};

/** The shares of so many styles at a point.
 * @param {number} count
 * @param {number} x
 * @param {number} y */
export const shares = (count, x, y) => {
  if (count === 2) return [1 - x, x];
  if (count === 3) return [(1 - x) * (1 - y), x * (1 - y), y];
  return [(1 - x) * (1 - y), x * (1 - y), (1 - x) * y, x * y];
};
/** The point that gives these shares, or the nearest to it.
 * @param {number[]} weights
 * @returns {[number, number]} */
const spot = (weights) => {
  const whole = weights.reduce((sum, one) => sum + one, 0) || 1;
  const [one, two, three = 0, four = 0] = weights.map((weight) => weight / whole);
  if (weights.length === 3) return [one + two ? two / (one + two) : 0.5, three];
  return [two + four, weights.length === 2 ? 0.5 : three + four];
};

/** Draws the point.
 * @param {number} x
 * @param {number} y */
const place = (x, y) => {
  const weights = shares(places.length, x, y);
  square.style.setProperty("--x", String(x));
  square.style.setProperty("--y", String(y));
  Object.assign(point.dataset, {x, y});
  point.setAttribute("aria-valuenow", String(Math.round(100 * x)));
  point.setAttribute(
    "aria-valuetext",
    places
      .map((which, at) => `${t("style.number", {count: which + 1})}: ${Math.round(100 * weights[at])} %`)
      .join(", "),
  );
};
/** Moves the point, and the sliders with it.
 * @param {number} x
 * @param {number} y */
const move = (x, y) => {
  [x, y] = [x, y].map((one) => Math.min(1, Math.max(0, one)));
  place(x, y);
  pulled = true;
  shares(places.length, x, y).forEach((weight, at) => slide(places[at], Math.round(100 * weight)));
  pulled = false;
};
const follow = () => {
  if (!pulled && places.length > 1) place(...spot(places.map((which) => Number(field(which)?.value ?? 50))));
};

/** @param {PointerEvent} event */
const drag = (event) => {
  if (event.type === "pointerdown") square.setPointerCapture(event.pointerId);
  else if (!square.hasPointerCapture(event.pointerId)) return;
  const box = square.getBoundingClientRect();
  move((event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height);
  point.focus({preventScroll: true});
  event.preventDefault();
};
/** @type {Record<string, [number, number]>} */
const KEYS = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
/** @param {KeyboardEvent} event */
const key = (event) => {
  const [right, down] = KEYS[event.key] ?? [];
  if (right === undefined) return;
  event.preventDefault();
  move(Number(point.dataset.x) + right * STEP, Number(point.dataset.y) + down * STEP);
};

const look = () => {
  /** @type {(HTMLImageElement | null)[]} */
  const pictures = [...Array(MOST).keys()].map((which) => document.querySelector(`#style-${which} img`));
  const now = pictures.flatMap((picture, which) => (picture ? [which] : []));
  root.hidden = now.length < 2;
  const same = now.join() === places.join();
  places = now;
  if (root.hidden) return;
  square.dataset.count = String(places.length);
  square.querySelectorAll("img").forEach((corner, at) => {
    const source = pictures[places[at]]?.src;
    corner.hidden = !source;
    if (source && corner.src !== source) corner.src = source;
  });
  if (!same) requestAnimationFrame(follow);
};

/** @param {HTMLElement} host */
export const start = (host) => {
  root = find(host, "#pad");
  point = element("span", {
    class: "point",
    role: "slider",
    tabindex: 0,
    "aria-label": t("pad"),
    "aria-valuemin": 0,
    "aria-valuemax": 100,
    "aria-valuenow": 50,
    onkeydown: key,
  });
  square = element(
    "div",
    {class: "square", onpointerdown: drag, onpointermove: drag},
    [...Array(MOST)].map(() => element("img", {alt: "", hidden: true})),
    point,
  );
  root.replaceChildren(square, element("p", {class: "hint"}, t("pad.hint")));
  const form = find(document, "#form");
  form.addEventListener("input", (event) => {
    if (origin(event, '[id^="share-"]')) follow();
  });
  new MutationObserver(() => {
    look();
    follow();
  }).observe(find(document, ".places"), {subtree: true, childList: true, attributes: true, attributeFilter: ["src"]});
  look();
};
