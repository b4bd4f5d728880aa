/* Regions: a brush a style, painted over the photo. The first style has all that no other has.
 *
 * What is painted goes into a hidden field of the form, small, as PNGs (layers.js).
 */
import {sentence} from "../core/api.js";
import {button} from "../core/controls.js";
import {all, drawIfChanged, element, fill, find, origin, setText, shaped} from "../core/dom.js";
import {under} from "../core/place.js";
import {t} from "../core/text.js";
import {board, cursor, edge} from "./canvas.js";
import * as history from "./history.js";
import * as layers from "./layers.js";

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
/** @returns {HTMLImageElement | null} */
const picture = () => document.querySelector("#photo img");
const chosen = () => [...layers.COLORS.keys()].filter((place) => document.querySelector(`#style-${place} img`));

/* ------------------------------------------------------------ what is kept in the form */

/** @param {string} text */
const keep = (text) => fill(document.querySelector("#regions textarea, #regions input"), text);
const save = () => {
  clearTimeout(timer);
  timer = 0;
  keep(painted ? layers.encoded(slider("feather")) : "");
};
const saveSoon = () => {
  clearTimeout(timer);
  timer = setTimeout(save, SETTLE);
};

/* ------------------------------------------------------------ painting */

const draw = () => {
  canvas.style.filter = `blur(${(slider("feather") / 200) * Math.min(canvas.clientWidth, canvas.clientHeight)}px)`;
  layers.paintOn(canvas);
  const mark = at("cursor");
  mark.hidden = !cursor.seen;
  mark.style.left = `${100 * cursor.x}%`;
  mark.style.top = `${100 * cursor.y}%`;
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
  at("undo", HTMLButtonElement).disabled = !history.any();
  draw();
  save();
};
const canvas = board({
  begin,
  stroke,
  move: draw,
  lift: save,
  leave: () => {
    if (layers.places().length) draw();
  },
});

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
};
/** @param {number} place */
const brushButton = (place) =>
  element(
    "button",
    {type: "button", class: "quiet brush", "data-place": place, onclick: () => take(place)},
    element("span", {class: "swatch", style: place === layers.NONE ? null : `background: ${layers.COLORS[place]}`}),
    element("span", {}, place === layers.NONE ? t("regions.photo") : t("style.number", {count: place + 1})),
  );
const clear = () => {
  const here = picture();
  if (!here) return;
  painted = false;
  history.forget();
  at("undo", HTMLButtonElement).disabled = true;
  Object.assign(canvas, layers.begin(here, chosen()));
  shaped(at("canvas"), canvas.width, canvas.height);
  draw();
  save();
};
/** The subject of a photo, white on black.
 * @param {string} address of the photo */
const subjectOf = async (address) => {
  const body = new FormData();
  body.append("picture", await (await fetch(address)).blob());
  const answer = await fetch(under("/api/v1/subject"), {method: "POST", body, credentials: "same-origin"});
  if (!answer.ok) throw new Error((await answer.json()).detail);
  return createImageBitmap(await answer.blob());
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

/** Begins or ends painting: the photo or the styles are others now. */
const look = () => {
  const here = picture(),
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
    if (lost) keep("");
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
  if (!drawIfChanged(at("brushes"), places.join(), () => [...places, layers.NONE].map(brushButton))) return;
  take(brush !== null && places.includes(brush) ? brush : (places[1] ?? layers.NONE));
};
/**
 * @param {string} name
 * @param {number} min
 * @param {number} value
 * @param {number} max
 * @param {() => void} [oninput]
 */
const range = (name, min, value, max, oninput = () => {}) =>
  element(
    "label",
    {},
    t(`regions.${name}`),
    element("input", {type: "range", class: name, min, max, value, step: 1, oninput}),
  );

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
      element(
        "div",
        {class: "canvas"},
        element("img", {class: "under", alt: ""}),
        canvas,
        element("span", {class: "hole", hidden: true}),
        element("span", {class: "cursor", hidden: true}),
      ),
      element(
        "div",
        {class: "line"},
        range("thick", 2, 16, 60),
        range("feather", 0, 3, 10, () => {
          draw();
          saveSoon();
        }),
        button(t("regions.subject"), "photo", findSubject, {class: "quiet subject"}),
        button(t("undo"), "back", undo, {class: "quiet undo", disabled: true}),
        button(t("regions.clear"), null, clear),
      ),
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
