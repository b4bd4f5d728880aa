/* The studio's view: the stage, "Your pictures" and the button that submits. Gradio calls start and sent. */
import {reached} from "../core/api.js";
import {DOUBLE, message} from "../core/controls.js";
import {element, find, origin} from "../core/dom.js";
import {t} from "../core/text.js";
import * as films from "../films/form.js";
import * as anywhere from "../form/anywhere.js";
import * as colors from "../form/colors.js";
import * as how from "../form/how.js";
import * as keys from "../form/keys.js";
import {prepared, restore} from "../form/memory.js";
import * as presets from "../form/presets.js";
import * as sample from "../form/sample.js";
import * as shelf from "../form/shelf.js";
import * as connection from "./connection.js";
import {follow, names, refuse, settled, value} from "./field.js";
import * as jobs from "./jobs.js";
import * as preview from "./preview.js";
import * as sheet from "../form/sheet.js";
import * as stage from "./stage.js";
import * as strip from "./strip.js";
import * as strengths from "./strengths.js";
import * as versus from "../form/versus.js";

const AGAIN = 4000; // milliseconds until the jobs that were accepted are asked for again
const near = /** @type {const} */ ({block: "nearest", behavior: "smooth"});

/** @type {Page.Trigger} Gradio's */
let trigger = () => {};
const unreached = element("p", {class: "wrong", role: "alert"}); // says that the studio does not answer
let pressed = 0; // when the button was pressed last, in epoch milliseconds
let passing = false; // a press of ours goes on to Gradio
let repeating = false; // a call of the page before is made again: it gets no third page

let ready = false; // the form is filled and the jobs are known

const draw = () => {
  if (!ready) return;
  stage.draw();
  strip.draw();
};
/** @param {string} id */
const show = (id) => {
  preview.end();
  sheet.end();
  jobs.stand(id);
  draw();
};

/** A double click is one press; it waits for uploads, and for the network.
 * @param {MouseEvent} event */
const press = async (event) => {
  const knob = origin(event, "#send");
  if (!knob || passing) return;
  event.stopPropagation();
  event.preventDefault();
  if (Date.now() - pressed >= DOUBLE) await submit();
};
const submit = async () => {
  pressed = Date.now();
  await settled();
  if (!complete() || !(await canCall({event: "send", data: {}}))) return void (pressed = 0);
  passing = true;
  find(document, "#send").click();
  passing = false;
};
/** Tells whether there is a photo and a style; what is missing is said where it belongs. */
const complete = () => {
  if (!value("photo")) refuse("photo", t("form.photo.missing"));
  else if (!names("style").some(value)) refuse("style-0", t("form.style.missing"));
  else return true;
  return false;
};
/** @param {string} sentence */
const warn = (sentence) => {
  unreached.textContent = sentence;
  if (sentence) unreached.scrollIntoView(near);
};
/** Tells whether Gradio takes events, and says so if the studio does not answer: no call is made then,
 * since Gradio gives up its page when one is lost. On a page that is given up the call waits for the next page.
 * @param {connection.Call} wanted */
const canCall = async (wanted) => {
  connection.remember(wanted);
  const well = await reached();
  const takes = well && (await connection.takes(trigger));
  warn(well && (takes || !repeating) ? "" : t("away"));
  if (well && !takes && !repeating) location.reload();
  else connection.forget();
  return takes;
};
/**
 * @param {string} event
 * @param {object} data
 */
const call = async (event, data) => {
  if (await canCall({event, data})) trigger(event, data);
  else stage.release();
};
/** @param {number} page of the shelf's styles */
const askSheet = async (page) => {
  const data = {page};
  if (await canCall({event: "sheet", data})) return trigger("sheet", data);
  sheet.end();
  draw();
};
/** Makes the call that the page before this one could not make.
 * @param {connection.Call} wanted */
const repeat = async (wanted) => {
  repeating = true;
  await (wanted.event === "send"
    ? submit()
    : wanted.event === "sheet"
      ? sheet.request(/** @type {{page?: number}} */ (wanted.data).page)
      : call(wanted.event, wanted.data));
  repeating = false;
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
      if (!versus.take(id)) show(id);
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
  shelf.start(() => sheet.request());
  presets.start();
  colors.keep(find(document, "#color"));
  how.explain(find(document, "#how"));
  films.start();
  sheet.start(askSheet, draw);
  preview.start(
    stage.stage,
    () => trigger("preview", {}),
    () => !jobs.anyQuick() && !sheet.coming(),
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
  if (prepared() || (!jobs.known.size && !sample.chosen())) preview.request();
  const missed = connection.remembered();
  if (missed) repeat(missed);
};
/** Shows the jobs that were accepted.
 * @param {string} text their ids
 * @returns {Promise<unknown>} */
export const sent = async (text) => {
  const ids = text.split(" ").filter(Boolean);
  if (!ids.length) pressed = 0; // refused: the next press counts, however soon
  const notice = find(document, "#notice"),
    refusal = notice.querySelector("[role=alert]");
  notice.removeAttribute("data-old");
  if (refusal instanceof HTMLElement && refusal.dataset.field) {
    notice.setAttribute("data-old", "");
    refuse(refusal.dataset.field, refusal.textContent ?? "");
  } else if (refusal) notice.scrollIntoView(near);
  stage.release();
  if (!ids.length) return;
  preview.end();
  sheet.end();
  if (ids.length > 1) strengths.remember(ids);
  jobs.stand(ids[0]);
  try {
    await Promise.all(ids.map(jobs.fetchJob));
  } catch {
    return setTimeout(sent, AGAIN, text);
  }
  jobs.look();
  stage.stage.scrollIntoView(near);
};
