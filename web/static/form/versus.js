/* Two results beside each other: the one on the stage, A, and another of the visitor's, B. */
import {button, compare} from "../core/controls.js";
import {element} from "../core/dom.js";
import {shown} from "../films/player.js";
import {moment, t} from "../core/text.js";
import {chosen, known, link, still} from "../studio/jobs.js";

let first = ""; // id of the job that another is compared with
let second = "";
let redraw = () => {};

export const end = () => {
  first = second = "";
};
/** Takes a picture as the other one, if one is looked for; answers whether it did.
 * @param {string} id */
export const take = (id) => {
  if (!first || id === first || known.get(id)?.state !== "done") {
    end();
    return false;
  }
  second = id;
  redraw();
  return true;
};
/** What the stage shows beside a job, to be redrawn when it changes.
 * @param {Page.Job} job */
export const face = (job) => (job.id === first ? ` beside ${second}` : "");

/** @param {() => void} change */
const redrawn = (change) => () => {
  change();
  redraw();
};
/** @param {Page.Job} job */
const look = (job) =>
  redrawn(() => {
    first = job.id;
    second = "";
    document.querySelector("#strip")?.scrollIntoView({block: "nearest", behavior: "smooth"});
  });
/** @param {Page.Job} job */
const sentence = (job) => `${moment(job.submitted)}, ${chosen(job).join(", ")}`;

/** The job's result over its photo, or the film that it is.
 * @param {Page.Job} job */
const alone = (job) => {
  const {width, height} = job,
    photo = link(job, "content");
  return job.film
    ? shown({film: link(job, "result"), picture: still(job), photo, unpainted: link(job, "unpainted"), width, height})
    : compare(still(job), photo, width, height);
};
/** What the stage shows of a job: the job alone, or over the other result; of films their first frames.
 * @param {Page.Job} job */
export const pictures = (job) => {
  const other = job.id === first ? known.get(second) : undefined;
  if (!other) return [alone(job)];
  const letters = /** @type {const} */ (["versus.first", "versus.second"]);
  const [left, right] = letters.map((name) => t(name));
  const said = {
    tags: /** @type {[string, string]} */ ([left, right]),
    alts: /** @type {[string, string]} */ ([left, right].map((letter) => t("versus.alt", {letter}))),
  };
  return [
    compare(still(other), still(job), job.width, job.height, said),
    element("p", {class: "hint", role: "status"}, t("versus.is", {first: sentence(job), second: sentence(other)})),
  ];
};
/** What begins and ends it.
 * @param {Page.Job} job */
export const knobs = (job) => {
  if (job.id !== first) return [button(t("versus"), "pages", look(job))];
  if (second) return [button(t("versus.back"), "back", redrawn(end))];
  return [
    button(t("versus.stop"), "close", redrawn(end)),
    element("p", {class: "hint", role: "status"}, t("versus.choose")),
  ];
};
/** @param {() => void} draws the stage */
export const start = (draws) => {
  redraw = draws;
};
