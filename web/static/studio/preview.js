/* A small preview that follows the form's controls while they are moved.
 *
 * One is asked for at a time, the next when it has come: so the last wish wins, and nothing piles
 * up. None while a job of the visitor's is being made.
 */
import {reached} from "../core/api.js";
import {element, shaped} from "../core/dom.js";
import {t} from "../core/text.js";

const FOLLOWED = "#strength, #color, #strokes, #network, #regions, [id^='share-']"; // controls
const SETTLE = 80; // milliseconds in which Gradio takes over what a control says
const LOOK = 120, LONGEST = 10000; // between looks, and until a preview is given up

let stage = null, tell = null, may = null, redraw = null;
let address = ""; // of the picture that is shown, in this page
let wished = false, busy = false, giveUp = 0;
let turn = 0, asking = 0; // what was asked in an earlier turn, before the last end, is void
let float = null; // shows it where the stage is out of sight

const pause = (time) => new Promise((done) => setTimeout(done, time));
const filled = () => document.querySelector("#photo img") && document.querySelector("[id^='style-'] img");

export const shown = () => Boolean(address);
export const end = () => {
  turn += 1;
  wished = false;
  URL.revokeObjectURL(address);
  address = "";
  float.hidden = true;
};

/* ------------------------------------------------------------ shown */

const place = () => { float.hidden = !address || stage.dataset.seen === "true"; };
export const draw = (back) => {
  if (stage.dataset.face !== "preview") {
    stage.dataset.face = stage.dataset.state = "preview";
    stage.replaceChildren(
      element("figure", {class: "preview"}, element("img", {alt: t("preview.alt")}), element("span", {class: "tag left"}, t("preview"))),
      element("div", {class: "line"}, element("p", {class: "hint"}, t("preview.hint")), back));
  }
  stage.querySelector(".preview img").src = address;
  float.querySelector("img").src = address;
  place();
};
const show = async (blob) => {
  const made = URL.createObjectURL(blob);
  const picture = new Image();
  picture.src = made;
  await picture.decode();
  if (asking !== turn || !may()) return URL.revokeObjectURL(made);
  const old = address;
  address = made;
  redraw();
  shaped(stage.querySelector(".preview"), picture.naturalWidth, picture.naturalHeight);
  setTimeout(() => URL.revokeObjectURL(old), 1000);
};

/* ------------------------------------------------------------ asked for */

const fetched = async (id) => { // the picture, or nothing if it does not come
  for (const until = Date.now() + LONGEST; Date.now() < until; await pause(LOOK)) {
    const answer = await fetch(`/api/v1/previews/${id}`, {credentials: "same-origin"});
    if (answer.status === 200) return answer.blob();
    if (answer.status !== 204) return null;
  }
  return null;
};
const next = async () => {
  if (busy || !wished || !filled() || !may()) return;
  busy = true;
  wished = false;
  asking = turn;
  const there = reached();
  await pause(SETTLE);
  if (!(await there) || asking !== turn) return free();
  tell();
  giveUp = setTimeout(free, 2 * LONGEST); // Gradio never answered
};
const free = () => { clearTimeout(giveUp); busy = false; next(); };
export const asked = async (id) => { // Gradio: the form was taken, under this id
  try {
    const blob = id && (await fetched(id));
    if (blob) await show(blob);
  } catch (error) { /* the next one may come */ }
  free();
};

export const start = (host, ask, allowed, changed) => {
  [stage, tell, may, redraw] = [host, ask, allowed, changed];
  float = element("aside", {class: "glance", hidden: true, "aria-hidden": "true"}, element("img", {alt: ""}), element("span", {class: "tag left"}, t("preview")));
  (document.querySelector(".gradio-container") ?? document.body).append(float);
  const form = document.querySelector("#form");
  const wish = (event) => { if (event.target.closest(FOLLOWED)) { wished = true; next(); } };
  form.addEventListener("input", wish);
  form.addEventListener("change", wish);
  form.addEventListener("picture", () => { if (address) { wished = true; next(); } }); // another in the form
  new IntersectionObserver((seen) => {
    stage.dataset.seen = String(seen.at(-1).intersectionRatio > 0.4);
    place();
  }, {threshold: [0, 0.4, 0.41, 1]}).observe(stage);
};
