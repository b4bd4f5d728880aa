/* A small preview that follows the form's controls while they are moved: painted here (previews/here.js) once a
 * photo of the visitor's own is chosen, or else asked for.
 *
 * One is asked for at a time, the next when it has come: so the last request wins, and nothing piles
 * up. None while a job of the visitor's is being made.
 */
import {reached} from "../core/api.js";
import {drawIfChanged, element, find, origin, shaped} from "../core/dom.js";
import {under} from "../core/place.js";
import {t} from "../core/text.js";
import {value} from "./field.js";

const FOLLOWED = "#strength, #color, #strokes, #network, #transparency, #margins, #regions, [id^='share-']"; // controls
const SETTLE = 80; // milliseconds in which Gradio takes over what a control says
const SOON = 40,
  LATER = 250, // milliseconds until the first look, and between two at most
  SLOWER = 1.4, // each pause is so many times the one before
  LONGEST = 30000; // until a preview is given up
const KEPT = 1000; // milliseconds that the picture before stays, since it may still be drawn

let stage = element("section");
let trigger = () => {},
  allowed = () => true,
  redraw = () => {};
let address = ""; // of the picture that is shown, in this page
let requested = false,
  painting = false, // here
  busy = false, // waits for the studio's
  overtaken = false, // by one painted here since
  missed = false, // the last one asked for did not come
  giveUp = 0;
/** @type {Promise<typeof import("../previews/here.js")> | null} */
let engine = null;
let turn = 0,
  asking = 0; // what was asked in an earlier turn, before the last end or one painted here, is void
const float = element(
  "aside",
  {class: "glance", hidden: true, "aria-hidden": "true"},
  element("img", {alt: ""}),
  element("span", {class: "tag left"}, t("preview")),
); // where the stage is out of sight

/** @param {number} time milliseconds */
export const pause = (time) =>
  new Promise((done) => {
    setTimeout(done, time);
  });
export const filled = () => document.querySelector("#photo img") && document.querySelector("[id^='style-'] img");

/** Tells whether one was asked for that has not come. */
export const underWay = () => busy;
/** Tells whether one is asked for, or is to be. */
export const coming = () => painting || busy || requested;
/** Tells whether the last one asked for did not come. */
export const late = () => missed;
export const shown = () => Boolean(address);
export const end = () => {
  turn += 1;
  requested = false;
  URL.revokeObjectURL(address);
  address = "";
  float.hidden = true;
};

/* ------------------------------------------------------------ shown */

const place = () => {
  float.hidden = !address || stage.dataset.seen === "true";
};
/** Draws the preview on the stage.
 * @param {HTMLElement | null} back the button that turns to the picture again */
export const draw = (back) => {
  drawIfChanged(stage, "preview", () => {
    stage.dataset.state = "preview";
    return [
      element(
        "figure",
        {class: "preview"},
        element("img", {alt: t("preview.alt")}),
        element("span", {class: "tag left"}, t("preview")),
      ),
      element("div", {class: "line"}, element("p", {class: "hint"}, t("preview.hint")), back),
    ];
  });
  find(stage, ".preview img", HTMLImageElement).src = address;
  find(float, "img", HTMLImageElement).src = address;
  place();
};
/** @param {Blob} blob
 * @param {number} mine the turn that it is of */
const show = async (blob, mine) => {
  const made = URL.createObjectURL(blob);
  const picture = new Image();
  picture.src = made;
  await picture.decode();
  if (mine !== turn || !allowed()) return URL.revokeObjectURL(made);
  const old = address;
  address = made;
  redraw();
  shaped(find(stage, ".preview"), picture.naturalWidth, picture.naturalHeight);
  setTimeout(() => URL.revokeObjectURL(old), KEPT);
};

/* ------------------------------------------------------------ asked for */

/** The picture, or null if it does not come.
 * @param {string} id
 * @param {number} longest milliseconds
 * @param {() => boolean} wanted */
export const fetched = async (id, longest = LONGEST, wanted = () => true) => {
  const until = Date.now() + longest;
  for (let wait = SOON; Date.now() < until; wait = Math.min(LATER, SLOWER * wait)) {
    await pause(wait);
    if (!wanted()) break;
    const answer = await fetch(under(`/api/v1/previews/${id}`), {credentials: "same-origin"});
    if (answer.status === 200) return answer.blob();
    if (answer.status !== 204) return null;
  }
  return null;
};
/** What this browser paints of the form; null: it does not. */
const paintedHere = async () => {
  if (!engine && value("photo").startsWith("shelf:")) return null;
  try {
    engine ??= import("../previews/here.js");
    return await (await engine).painted();
  } catch {
    engine = null; // the studio was away
    return null;
  }
};
const next = async () => {
  if (painting || !requested || !filled() || !allowed()) return;
  painting = true;
  requested = false;
  const mine = turn,
    blob = await paintedHere();
  painting = false;
  if (mine !== turn) return next();
  if (!blob) return askStudio();
  overtaken = true;
  turn += 1;
  await show(blob, turn);
  next();
};
const askStudio = async () => {
  if (busy) return void (requested = true);
  busy = true;
  overtaken = false;
  asking = turn;
  const [well] = await Promise.all([reached(), pause(SETTLE)]); // Gradio gives up its page when a call is lost
  if (!well || asking !== turn) return free();
  trigger();
  giveUp = setTimeout(free, 2 * LONGEST); // Gradio never answered
};
const free = () => {
  clearTimeout(giveUp);
  busy = false;
  next();
  if (!busy && !painting) redraw();
};
export const request = () => {
  requested = true;
  missed = false;
  next();
};
/** Gradio: the form was taken, under this id.
 * @param {string} id */
export const asked = async (id) => {
  const wanted = () => !overtaken;
  missed = wanted();
  try {
    const blob = id && (await fetched(id, LONGEST, wanted));
    missed = wanted() && !blob;
    if (blob) await show(blob, asking);
  } catch {
    /* the next one may come */
  }
  free();
};

/**
 * @param {HTMLElement} host the stage
 * @param {() => void} ask sends the form for a preview
 * @param {() => boolean} may tells whether one may be asked for now
 * @param {() => void} changed draws the stage
 */
export const start = (host, ask, may, changed) => {
  [stage, trigger, allowed, redraw] = [host, ask, may, changed];
  (document.querySelector(".gradio-container") ?? document.body).append(float);
  new IntersectionObserver(
    (seen) => {
      stage.dataset.seen = String((seen.at(-1)?.intersectionRatio ?? 0) > 0.4);
      place();
    },
    {threshold: [0, 0.4, 0.41, 1]},
  ).observe(stage);
  const form = find(document, "#form");
  for (const kind of ["input", "change"])
    form.addEventListener(kind, (event) => {
      if (origin(event, FOLLOWED)) request();
    });
  form.addEventListener("picture", request); // another in the form
};
