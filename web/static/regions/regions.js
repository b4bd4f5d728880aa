/* Regions: a brush a style, painted over the photo. The first style has all that no other has.
 *
 * What is painted goes into a hidden field of the form, small, as PNGs (layers.js).
 */
import {sentence} from "../core/api.js";
import {all, drawIfChanged, element, find, origin, setText, shaped} from "../core/dom.js";
import {t} from "../core/text.js";
import {open} from "../form/masks.js";
import {board, cursor, edge} from "./canvas.js";
import * as history from "./history.js";
import * as layers from "./layers.js";
import * as memory from "./memory.js";
import {brushButton, chosen, photoOf, pictureOf, subjectOf, toolbar} from "./tools.js";
import {zoom} from "./zoom.js";

const SETTLE = 150; // milliseconds after a stroke until it goes into the form

let root = element("div");
let photo = ""; // address of the photo that is painted on
let painted = false,
  timer = 0;
/** @type {number | null} place of the style whose brush is in hand, or NONE */
let brush = null;

/**
 * @template {HTMLElement} [Kind=HTMLElement]
 * @param {string} name of a class
 * @param {{new (): Kind}} [kind]
 */
const at = (name, kind) => find(root, `.${name}`, kind);
/** @param {string} name of a slider */
const slider = (name) => Number(at(name, HTMLInputElement).value);

/* ------------------------------------------------------------ what is kept in the form */

const save = () => {
  clearTimeout(timer);
  timer = 0;
  memory.put(painted ? layers.encoded(slider("feather")) : "");
  if (painted) memory.keep(slider("feather"));
};
const saveSoon = () => {
  clearTimeout(timer);
  timer = setTimeout(save, SETTLE);
};

/* ------------------------------------------------------------ painting */

/** Shows where the brush is, and how thick. */
const point = () => {
  const mark = at("cursor");
  mark.hidden = !cursor.seen;
  mark.style.left = `${100 * cursor.x}%`;
  mark.style.top = `${100 * cursor.y}%`;
  mark.style.width = `${slider("thick")}%`;
};
const draw = () => {
  canvas.style.filter = `blur(${(slider("feather") / 200) * Math.min(canvas.clientWidth, canvas.clientHeight)}px)`;
  layers.paintOn(canvas);
  point();
};
/**
 * @param {Page.Spot} from
 * @param {Page.Spot} to
 */
const stroke = (from, to) => {
  layers.stroke(brush, from, to, slider("thick") / 100);
  painted = true;
  note("");
  draw();
  saveSoon();
};
/** Notes what is painted, before it changes. */
const begin = () => {
  history.note({layers: layers.copies(), painted});
  at("undo", HTMLButtonElement).disabled = false;
};
const undo = () => {
  const before = history.back();
  if (!before) return;
  layers.putBack(before.layers);
  painted = before.painted;
  if (!painted) memory.forget();
  at("undo", HTMLButtonElement).disabled = !history.any();
  draw();
  save();
};
const canvas = board({
  begin,
  stroke,
  move: point,
  lift: save,
  cancel: () => undo(),
  pinch: (before, now) => view.pinch(before, now),
});
const inside = element(
  "div",
  {class: "zoomed"},
  element("img", {class: "under", alt: ""}),
  canvas,
  element("span", {class: "hole", hidden: true}),
  element("span", {class: "cursor", hidden: true}),
);
const box = element("div", {class: "canvas"}, inside);
const view = zoom(box, inside);

/* ------------------------------------------------------------ the tools */

/** @param {string} text */
const note = (text, good = false) => {
  setText(at("lost"), text);
  at("lost").classList.toggle("good", good);
};
/** Takes a brush in hand.
 * @param {number} place */
const take = (place) => {
  brush = place;
  for (const one of all(root, ".brush")) one.setAttribute("aria-pressed", String(Number(one.dataset.place) === place));
  const strength = at("strength", HTMLInputElement);
  strength.disabled = place === layers.NONE;
  strength.value = String(100 * layers.strength(place));
};
/** The style in hand acts more or less in its region. */
const weaken = () => {
  layers.weaken(brush ?? layers.NONE, slider("strength") / 100);
  painted ||= layers.places().length === 1; // else a region without paint would be sent
  draw();
  if (painted) saveSoon();
};
const soften = () => {
  draw();
  saveSoon();
};
const clear = () => {
  const here = photoOf();
  if (!here) return;
  painted = false;
  history.forget();
  at("undo", HTMLButtonElement).disabled = true;
  Object.assign(canvas, layers.begin(here, chosen()));
  shaped(box, canvas.width, canvas.height);
  view.whole();
  if (brush !== null) take(brush);
  draw();
  save();
};
const startAgain = () => {
  memory.forget();
  clear();
};
/** The subject gets the brush in hand, the first style has the rest.
 * @param {{currentTarget: HTMLButtonElement}} event */
const findSubject = async ({currentTarget: knob}) => {
  const here = photo;
  knob.disabled = true;
  note(t("regions.finding"), true);
  try {
    const found = await subjectOf(here);
    if (here === photo) {
      begin();
      layers.putSubject(found, brush);
      painted = true;
      draw();
      save();
    }
    note(t("regions.found"), true);
  } catch (error) {
    note(sentence(error));
  }
  knob.disabled = false;
};

/* ------------------------------------------------------------ following the form */

/** Paints again what was painted on this photo before the page was loaded, or the photo was put back.
 * @param {number[]} places of the chosen styles */
const bringBack = async (places) => {
  const here = photo;
  const feather = await memory.paintAgain(places, () => here === photo && !painted);
  if (feather === null) return;
  at("feather", HTMLInputElement).value = String(feather);
  painted = true;
  note(t("regions.back"), true);
  open();
  if (brush !== null) take(brush);
  draw();
  save();
};
/** Begins or ends painting: the photo or the styles are others now. */
const look = () => {
  const here = photoOf(),
    places = chosen();
  const ready = here !== null && places.length > 0;
  at("board").hidden = !ready;
  at("wanting").hidden = ready;
  const gone = layers.places().some((place) => !places.includes(place));
  const lost = painted && (!ready || gone || here.src !== photo);
  if (lost) note(t("regions.lost"));
  if (!ready) {
    layers.drop();
    painted = false;
    photo = "";
    if (lost) memory.put("");
    return;
  }
  if (!here.complete || !here.naturalWidth) return here.addEventListener("load", look, {once: true});
  if (here.src !== photo || gone || !layers.places().length) {
    photo = here.src;
    at("under", HTMLImageElement).src = photo;
    clear();
  }
  edge(at("canvas"));
  places.forEach(layers.add);
  if (painted) saveSoon();
  else bringBack(places);
  const face = places.map((place) => `${place} ${pictureOf(place)}`).join();
  if (!drawIfChanged(at("brushes"), face, () => [...places, layers.NONE].map((place) => brushButton(place, take))))
    return;
  take(brush !== null && places.includes(brush) ? brush : (places[1] ?? layers.NONE));
};
/** @param {HTMLElement} host */
export const start = (host) => {
  root = find(host, "#paint");
  root.replaceChildren(
    element("p", {class: "hint wanting"}, t("regions.wanting")),
    element(
      "div",
      {class: "board", hidden: true},
      element("p", {class: "hint"}, t("regions.hint")),
      element("div", {class: "brushes", role: "group", "aria-label": t("regions.brushes")}),
      box,
      toolbar({weaken, soften, findSubject, undo, startAgain, ...view}),
    ),
    element("p", {class: "lost", role: "status"}),
  );
  document.addEventListener(
    "click",
    (event) => {
      if (timer && origin(event, "#send")) save();
    },
    true,
  );
  new MutationObserver(look).observe(find(document, "#form"), {
    subtree: true,
    childList: true,
    attributes: true,
    attributeFilter: ["src"],
  });
  look();
};
