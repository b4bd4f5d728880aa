/* The style pad: a style in each corner, and a point between them that says their shares; of a film
 * whose mixture changes a second point, of the shares at its end.
 *
 * The share sliders hold the truth; the pad reads them and moves them, as a hand would. Two
 * styles lie left and right, a third below them both, a fourth makes it a square (bilinear).
 */
import {element, fill, find, origin} from "../core/dom.js";
import {t} from "../core/text.js";

const STEP = 0.05; // of the pad's side, for one arrow key
const MOST = 4;

let root = element("div"),
  square = element("div");
/** @typedef {"share" | "until"} Kind the sliders a point moves: the shares, or those at a film's end */
/** @type {Record<Kind, HTMLElement>} */
const points = {share: element("span"), until: element("span")};
const KINDS = /** @type {Kind[]} */ (Object.keys(points));
/** @type {number[]} of the chosen styles, in the form */
let places = [];
let pulled = false; // the pad moves the sliders; what they tell is our own

/** @param {Kind} kind
 * @param {number} place
 * @returns {HTMLInputElement | null} */
const field = (kind, place) => document.querySelector(`#${kind}-${place} input[type="number"]`);
/** Moves a style's slider.
 * @param {Kind} kind
 * @param {number} place
 * @param {number} value */
const slide = (kind, place, value) => {
  const input = field(kind, place);
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

/** Draws a point.
 * @param {Kind} kind
 * @param {number} x
 * @param {number} y */
const place = (kind, x, y) => {
  const weights = shares(places.length, x, y),
    point = points[kind];
  point.style.setProperty("--x", String(x));
  point.style.setProperty("--y", String(y));
  Object.assign(point.dataset, {x, y});
  point.setAttribute("aria-valuenow", String(Math.round(100 * x)));
  point.setAttribute(
    "aria-valuetext",
    places
      .map((which, at) => `${t("style.number", {count: which + 1})}: ${Math.round(100 * weights[at])} %`)
      .join(", "),
  );
};
/** Moves a point, and the sliders with it.
 * @param {Kind} kind
 * @param {number} x
 * @param {number} y */
const move = (kind, x, y) => {
  [x, y] = [x, y].map((one) => Math.min(1, Math.max(0, one)));
  place(kind, x, y);
  pulled = true;
  shares(places.length, x, y).forEach((weight, at) => slide(kind, places[at], Math.round(100 * weight)));
  pulled = false;
};
const follow = () => {
  if (pulled || places.length < 2) return;
  for (const kind of KINDS) place(kind, ...spot(places.map((which) => Number(field(kind, which)?.value ?? 50))));
};

/** @type {Kind} the point that is dragged */
let dragged = "share";
/** The point that is shown nearest to a place.
 * @param {number} x
 * @param {number} y */
const nearest = (x, y) => {
  const [first] = KINDS.filter((kind) => points[kind].getClientRects().length)
    .map((kind) => ({kind, far: Math.hypot(Number(points[kind].dataset.x) - x, Number(points[kind].dataset.y) - y)}))
    .sort((one, other) => one.far - other.far);
  return first?.kind ?? "share";
};
/** @param {PointerEvent} event */
const drag = (event) => {
  const box = square.getBoundingClientRect(),
    [x, y] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height];
  if (event.type === "pointerdown") {
    square.setPointerCapture(event.pointerId);
    dragged = nearest(x, y);
  } else if (!square.hasPointerCapture(event.pointerId)) return;
  move(dragged, x, y);
  points[dragged].focus({preventScroll: true});
  event.preventDefault();
};
/** @type {Record<string, [number, number]>} */
const KEYS = {ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1]};
/** @param {Kind} kind
 * @returns {(event: KeyboardEvent) => void} */
const key = (kind) => (event) => {
  const [right, down] = KEYS[event.key] ?? [];
  if (right === undefined) return;
  event.preventDefault();
  const {x, y} = points[kind].dataset;
  move(kind, Number(x) + right * STEP, Number(y) + down * STEP);
};
/** @param {Kind} kind */
const point = (kind) =>
  element("span", {
    class: kind === "share" ? "point" : "point end",
    role: "slider",
    tabindex: 0,
    "aria-label": t(kind === "share" ? "pad" : "pad.end"),
    "aria-valuemin": 0,
    "aria-valuemax": 100,
    "aria-valuenow": 50,
    onkeydown: key(kind),
  });

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
  for (const kind of KINDS) points[kind] = point(kind);
  square = element(
    "div",
    {class: "square", onpointerdown: drag, onpointermove: drag},
    [...Array(MOST)].map(() => element("img", {alt: "", hidden: true})),
    points.until, // below the other, where both are in one place
    points.share,
  );
  root.replaceChildren(
    square,
    element("p", {class: "hint"}, t("pad.hint"), element("span", {class: "point-end"}, " ", t("pad.hint.end"))),
  );
  const form = find(document, "#form");
  form.addEventListener("input", (event) => {
    if (origin(event, '[id^="share-"], [id^="until-"]')) follow();
  });
  new MutationObserver(() => {
    look();
    follow();
  }).observe(find(document, ".places"), {subtree: true, childList: true, attributes: true, attributeFilter: ["src"]});
  look();
};
