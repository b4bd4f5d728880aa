/* The stage: one job, as a result, as what it waits for, or as why it failed. */
import {sentence, status} from "../core/api.js";
import {anchor, button, message} from "../core/controls.js";
import {drawIfChanged, element, find, setText, shaped} from "../core/dom.js";
import {notifyButton} from "../core/notifications.js";
import {about, span, t} from "../core/text.js";
import {changing} from "../form/undo.js";
import * as sheet from "../form/sheet.js";
import * as sample from "../form/sample.js";
import {cancel, chosen, fetchJob, known, link, progressText, state} from "./jobs.js";
import {used} from "./crop.js";
import {value} from "./field.js";
import * as preview from "./preview.js";
import * as strengths from "./strengths.js";
import * as versus from "../form/versus.js";

export let stage = element("section");
/** @type {(event: string, data: object) => unknown} */
let call = () => {};
/** @type {(id: string) => void} */
let show = () => {};

/* ------------------------------------------------------------ what is shown of a job */

/** What the admin decided for all jobs, if that is why this one waits.
 * @param {Page.Job} job */
const serviceState = (job) => {
  if (job.studio === "paused" && job.state === "queued") return t("studio.paused");
  return job.studio === "draining" ? t("studio.draining") : "";
};
/** @param {Page.Job} job */
const times = (job) => {
  const parts = [t("so.far", {span: span(job.elapsed)})];
  if (job.estimate !== null && job.estimate >= 0.5) parts.push(t("to.go", {span: about(job.estimate)}));
  return parts.join(" · ");
};
/** A button that asks Gradio for new jobs, and can be pressed once until it has answered.
 * @param {string} text
 * @param {string | null} picture
 * @param {string} event
 * @param {Page.Job} job */
const submitter = (text, picture, event, job) =>
  button(
    text,
    picture,
    ({currentTarget}) => {
      currentTarget.disabled = true;
      call(event, {id: job.id});
    },
    {class: "quiet submitter"},
  );

/** Fills the form as it was for a job.
 * @param {Page.Job} job */
const reopen = (job) =>
  button(t("open.again"), "easel", () => {
    changing(t("opened"));
    call("open", {id: job.id});
  });
/** @param {Page.Job} job */
const notices = (job) => job.notices.map((text) => element("p", {class: "hint notice", role: "note"}, text));
/** A link to the picture that a job was made from.
 * @param {string} parent its id */
const origin = (parent) => {
  const place = element("span");
  const open = async () => {
    try {
      if (!known.has(parent)) await fetchJob(parent);
      show(parent);
    } catch (error) {
      place.replaceChildren(status(error) === 404 ? t("made.from.gone") : sentence(error));
    }
  };
  place.replaceChildren(element("button", {type: "button", class: "link", onclick: open}, t("made.from")));
  return place;
};
/** @param {Api.FilmView | null} film */
const ofFilm = (film) => {
  if (!film?.frames || !film.rate) return [];
  const {frames, rate, sound} = film;
  return [
    span(frames / rate),
    t("film.rate", {count: Number(rate.toFixed(1))}),
    t(sound ? "film.sound" : "film.silent"),
  ];
};
/** @param {Page.Job} job */
const done = (job) => [
  ...versus.pictures(job),
  element(
    "div",
    {class: "actions"},
    anchor(t("download"), "save", {
      href: link(job, "result"),
      download: job.film ? "" : `adain-studio-${job.id.slice(-8)}.png`,
      class: "quiet strong",
    }),
    job.film ? null : anchor(t("full.size"), "open", {href: link(job, "result"), target: "_blank", rel: "noopener"}),
    reopen(job),
    button(t("use.settings"), "again", () => call("reuse", {options: job.options})),
    job.film ? null : submitter(t("strengths"), "steps", "strengths", job),
    ...versus.knobs(job),
  ),
  element(
    "ul",
    {class: "facts"},
    ...chosen(job).map((text) => element("li", {}, text)),
    element("li", {}, `${job.width} × ${job.height}`),
    ...ofFilm(job.film).map((text) => element("li", {}, text)),
    element("li", {}, t("made.in", {span: span(job.elapsed)})),
    job.parent ? element("li", {}, origin(job.parent)) : null,
  ),
  ...notices(job),
];
/** @param {Page.Job} job */
const waiting = (job) => [
  shaped(
    element("div", {class: "veil"}, element("img", {src: link(job, "content"), alt: t("alt.waiting")})),
    job.width,
    job.height,
  ),
  element(
    "div",
    {class: "card"},
    element("p", {class: "progress-text", role: "status"}, progressText(job)),
    element("p", {class: "hint service-state", role: "status"}, serviceState(job)),
    element("progress", {max: 1, "aria-label": t("progress")}),
    element(
      "div",
      {class: "line"},
      element("span", {class: "times"}, times(job)),
      notifyButton(),
      button(t("cancel"), null, () => cancel(known.get(job.id) ?? job), {id: "cancel"}),
    ),
  ),
  ...notices(job),
];
/** @param {Page.Job} job */
const retry = (job) => submitter(t("try.again"), null, "retry", job);
/** @param {Page.Job} job */
const drawn = (job) => {
  switch (job.state) {
    case "done":
      return done(job);
    case "failed":
      return [message("warn", t("failed.title"), job.error || t("failed.text"), retry(job), reopen(job))];
    case "cancelled":
      return [message("stop", t("cancelled.title"), t("cancelled.text"), retry(job), reopen(job))];
    default:
      return waiting(job);
  }
};
/** What changes while a job stays in its state.
 * @param {Page.Job} job */
const refresh = (job) => {
  const bar = stage.querySelector("progress");
  if (!bar) return;
  setText(find(stage, ".progress-text"), progressText(job));
  setText(find(stage, ".times"), times(job));
  setText(find(stage, ".service-state"), serviceState(job));
  find(stage, "#cancel", HTMLButtonElement).disabled = Boolean(job.cancelling);
  if (job.state === "running" && job.progress > 0) bar.value = job.progress;
  else bar.removeAttribute("value");
};

/* ------------------------------------------------------------ drawn */

const lookAgain = () => {
  preview.request();
  draw();
};
/** What is in the form, while there is no job. */
const drawForm = () => {
  const photo = value("photo");
  if (sample.chosen()) return drawIfChanged(stage, "sample", sample.drawn);
  if (!photo) return drawIfChanged(stage, "empty", () => [message("easel", t("empty.title"), t("empty.text"))]);
  const late = preview.late() && !preview.coming();
  const asked = preview.coming() ? "preview.coming" : late ? "preview.late" : "empty.press";
  const said = t(preview.filled() ? asked : "empty.style");
  return drawIfChanged(stage, `photo ${photo} ${said}`, () => [
    element("div", {class: "alone-photo"}, used(photo, {alt: t("form.photo")})),
    element("p", {class: "hint", role: "status"}, said),
    late && preview.filled() ? button(t("preview.again"), "again", lookAgain) : null,
  ]);
};

/** What turns from a preview to what was there before.
 * @param {Page.Job} [job] */
const back = (job) => {
  if (sheet.shown())
    return button(t("sheet.back"), "grid", () => {
      preview.end();
      draw();
    });
  return job ? button(t("preview.back"), "back", () => show(job.id)) : null;
};
/** Shows a picture that has just come from its upper edge, if it is in sight at all. */
const bringIntoView = () => {
  const {top, bottom} = stage.getBoundingClientRect();
  if (top < 0 && bottom > 0) stage.scrollIntoView({block: "start", behavior: "smooth"});
};
export const draw = () => {
  const waited = stage.dataset.state === "running" || stage.dataset.state === "queued";
  const job = known.get(state.shown ?? "");
  if (preview.shown()) {
    // until the visitor turns to a picture
    stage.querySelector(".strengths")?.remove();
    return preview.draw(back(job));
  }
  if (sheet.shown()) {
    stage.querySelector(".strengths")?.remove();
    return sheet.draw(stage);
  }
  if (job) drawIfChanged(stage, `${job.id} ${job.state}${versus.face(job)}`, () => drawn(job));
  else drawForm();
  stage.dataset.state = job ? job.state : (stage.dataset.face ?? "").split(" ")[0];
  stage.removeAttribute("aria-busy");
  if (job) refresh(job);
  strengths.draw(stage, show);
  if (waited && job?.state === "done") bringIntoView();
};
/** Says something instead of a job.
 * @param {Node} text */
export const say = (text) => stage.replaceChildren(text);
/** Lets its buttons be pressed again. */
export const release = () => {
  for (const knob of stage.querySelectorAll("button.submitter"))
    if (knob instanceof HTMLButtonElement) knob.disabled = false;
};
/**
 * @param {HTMLElement} host
 * @param {(event: string, data: object) => unknown} calls what its buttons call
 * @param {(id: string) => void} onshow
 */
export const start = (host, calls, onshow) => {
  stage = host;
  call = calls;
  show = onshow;
  versus.start(draw);
  stage.setAttribute("aria-busy", "true");
  say(message("clock", t("moment.title"), t("moment.text")));
};
