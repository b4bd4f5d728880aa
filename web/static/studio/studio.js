/* The studio's view: the stage, "Your pictures" and the button that submits. Gradio calls start and sent. */
import {reached} from "../core/api.js";
import {DOUBLE, message} from "../core/controls.js";
import {element, find, origin} from "../core/dom.js";
import {t} from "../core/text.js";
import * as anywhere from "../form/anywhere.js";
import * as keys from "../form/keys.js";
import {restore} from "../form/memory.js";
import * as sample from "../form/sample.js";
import * as shelf from "../form/shelf.js";
import {follow, names, refuse, settled, value} from "./field.js";
import * as jobs from "./jobs.js";
import * as preview from "./preview.js";
import * as stage from "./stage.js";
import * as strip from "./strip.js";
import * as sweep from "./sweep.js";

const AGAIN = 4000; // milliseconds until the jobs that were accepted are asked for again
const near = /** @type {const} */ ({block: "nearest", behavior: "smooth"});

/** @type {Page.Trigger} Gradio's */
let trigger = () => {};
const unreached = element("p", {class: "wrong", role: "alert"}); // says that the studio does not answer
let pressed = 0; // when the button was pressed last, in epoch milliseconds
let passing = false; // a press of ours goes on to Gradio

let ready = false; // the form is filled and the jobs are known

const draw = () => {
  if (!ready) return;
  stage.draw();
  strip.draw();
};
/** @param {string} id */
const show = (id) => {
  preview.end();
  jobs.state.shown = id;
  draw();
};

/** A double click is one wish; it waits for uploads, and for the network.
 * @param {MouseEvent} event */
const press = async (event) => {
  const knob = origin(event, "#send");
  if (!knob || passing) return;
  event.stopPropagation();
  event.preventDefault();
  if (Date.now() - pressed < DOUBLE) return;
  pressed = Date.now();
  await settled();
  if (!complete()) return void (pressed = 0);
  if (!(await answers())) return void (pressed = 0);
  passing = true;
  knob.click();
  passing = false;
};
/** Tells whether there is a photo and a style; what is missing is said where it belongs. */
const complete = () => {
  if (!value("photo")) refuse("photo", t("form.photo.missing"));
  else if (!names("style").some(value)) refuse("style-0", t("form.style.missing"));
  else return true;
  return false;
};
/** Tells whether the studio answers, and says so if not: Gradio gives up its page when a call does
 * not get through, so none is made while nothing does. */
const answers = async () => {
  const well = await reached();
  unreached.textContent = well ? "" : t("away");
  if (!well) unreached.scrollIntoView(near);
  return well;
};
/**
 * @param {string} event
 * @param {object} data
 */
const call = async (event, data) => {
  if (await answers()) trigger(event, data);
  else stage.release();
};

/**
 * @param {HTMLElement} host
 * @param {Page.Trigger} given
 */
export const start = async (host, given) => {
  trigger = given;
  stage.start(find(host, "#stage"), call, show);
  strip.start(
    find(host, "#strip"),
    (id) => {
      show(id);
      stage.stage.scrollIntoView(near);
    },
    draw,
  );
  document.addEventListener("visibilitychange", () => {
    if (!document.hidden && stage.stage.dataset.face) jobs.look();
  });
  document.addEventListener("click", press, true);
  const [kept] = await Promise.all([
    restore(),
    jobs.start(draw, () => stage.say(message("warn", t("away.title"), t("away.text")))),
  ]);
  begin(kept);
};
/** The form is drawn and the jobs are known.
 * @param {boolean} kept the form was filled in before */
const begin = (kept) => {
  follow();
  if (!kept && !jobs.known.size) sample.begin();
  shelf.start();
  preview.start(
    stage.stage,
    () => trigger("preview", {}),
    () => !jobs.anyActive(),
    draw,
  );
  const form = find(document, "#form"),
    notice = find(document, "#notice");
  form.addEventListener("picture", draw);
  for (const change of ["input", "change", "picture"])
    form.addEventListener(change, () => notice.setAttribute("data-old", "")); // its cause may be gone
  anywhere.start();
  keys.start();
  find(document, "#send").before(unreached);
  ready = true;
  draw();
  if (!jobs.known.size && !sample.chosen()) preview.wish();
};
/** Shows the jobs that were accepted.
 * @param {string} text their ids
 * @returns {Promise<unknown>} */
export const sent = async (text) => {
  const ids = text.split(" ").filter(Boolean);
  if (!ids.length) pressed = 0; // refused: the next press counts, however soon
  find(document, "#notice").removeAttribute("data-old");
  if (document.querySelector("#notice [role=alert]")) find(document, "#notice").scrollIntoView(near);
  stage.release();
  if (!ids.length) return;
  preview.end();
  if (ids.length > 1) sweep.remember(ids);
  jobs.state.shown = ids[0];
  try {
    await Promise.all(ids.map(jobs.fetchJob));
  } catch {
    return setTimeout(sent, AGAIN, text);
  }
  jobs.look();
  stage.stage.scrollIntoView(near);
};
