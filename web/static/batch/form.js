/* The form of a batch: photos, styles, settings, and the button that submits them.
 *
 * What was sent stays in the form; only what is new is sent next.
 */
import {Refusal, sentence} from "../core/api.js";
import {button} from "../core/controls.js";
import {all, element, find} from "../core/dom.js";
import {under} from "../core/place.js";
import {about, colors, hows, methodOf, t} from "../core/text.js";
import {keep as pictured} from "../form/colors.js";
import {explain} from "../form/how.js";
import {called as titled, credit} from "../form/shelf.js";
import {called, recent} from "../studio/recent.js";
import * as sending from "./sending.js";
import {tray} from "./tray.js";

export {BATCHES} from "./sending.js";
const SIZES = [256, 512, 768, 1024];
const FITS = ["10x15", "a4", "a3", "largest"]; // in place of a size

/** @type {AbortController | null} of what is being sent */
let stopper = null;
/** @type {ReturnType<typeof tray> | null} */
let photos = null;
/** @type {ReturnType<typeof tray> | null} */
let styles = null;
/** @type {(batch: Api.BatchView, last: boolean) => void} */
let accepted = () => {};

const error = element("div", {class: "said"});
const notice = element("p", {class: "hint sending", role: "status"});
const stop = button(t("batch.stop"), "stop", () => stopper?.abort(), {class: "quiet", hidden: true});
const submit = element("button", {type: "submit", class: "send"}, element("span", {}));
const trays = element("div", {class: "trays"});
const form = element("form", {class: "choices"});

/** The settings, as they are sent. */
const options = () => {
  const chosen = new FormData(form);
  const size = String(chosen.get("size"));
  return JSON.stringify({
    ...(FITS.includes(size) ? {fit: size} : {size: Number(size)}),
    alpha: Number(chosen.get("alpha")) / 100,
    color: chosen.get("color"),
    strokes: Number(chosen.get("strokes")) / 100,
    ...methodOf(String(chosen.get("how"))),
    transparency: chosen.get("transparency"),
    keep_margins: chosen.get("margins") === "keep",
  });
};
const drawSubmit = () => {
  const [some, looks] = [photos?.chosen() ?? [], styles?.chosen() ?? []];
  const count = sending.count(some, looks, options());
  const rest = some.length && looks.length ? t("batch.sent") : t("batch.send.none");
  find(submit, "span").textContent = stopper ? t("batch.sending") : count ? t("batch.send", {count}) : rest;
  submit.disabled = Boolean(stopper) || !count;
};
/** @param {string} text */
const say = (text) => {
  error.replaceChildren(...(text ? [element("p", {role: "alert"}, text)] : []));
  if (text) error.scrollIntoView({block: "nearest", behavior: "smooth"});
};
/** @param {unknown} problem */
const refused = (problem) => {
  if (problem instanceof sending.Stopped) return;
  const {part, parts, keys} = problem instanceof Refusal ? problem : {part: 0, parts: 0, keys: []};
  for (const one of [photos, styles]) one?.mark(keys);
  say(parts ? t("batch.part", {part, parts, sentence: sentence(problem)}) : sentence(problem));
};
/** @param {Event} event */
const send = async (event) => {
  event.preventDefault();
  if (stopper || !photos || !styles) return;
  stopper = new AbortController();
  drawSubmit();
  say("");
  for (const one of [photos, styles]) one.mark([]);
  try {
    await sending.send(await photos.files(), await styles.files(), options(), {
      accepted: (batch, last) => {
        stop.hidden = last;
        accepted(batch, last);
      },
      waiting: (sent, count, seconds) => {
        stop.hidden = false;
        notice.textContent = t("batch.waiting", {sent, count, span: about(seconds)});
      },
      signal: stopper.signal,
    });
  } catch (problem) {
    refused(problem);
  }
  stopper = null;
  stop.hidden = true;
  notice.textContent = "";
  drawSubmit();
};

/**
 * @param {string} name
 * @param {[string | number, string][]} choices
 * @param {string | number} chosen
 */
const segments = (name, choices, chosen) =>
  element(
    "fieldset",
    {class: "segments"},
    element("legend", {}, t(name)),
    element(
      "div",
      {class: "wrap"},
      choices.map(([value, text]) =>
        element(
          "label",
          {},
          element("input", {type: "radio", name, value, checked: value === chosen}),
          element("span", {}, text),
        ),
      ),
    ),
  );
/**
 * A slider.
 * @param {string} name
 * @param {string} label
 * @param {number} min
 * @param {number} max
 * @param {number} step
 * @param {number} begun where it stands at first
 */
const slider = (name, label, min, max, step, begun) => {
  const shown = element("output", {}, String(begun));
  const input = element("input", {
    type: "range",
    name,
    min,
    max,
    value: begun,
    step,
    oninput: ({currentTarget}) => {
      shown.textContent = currentTarget.value;
    },
  });
  return element("label", {class: "slide"}, element("span", {}, t(label)), shown, input);
};
/** @param {string} kind
 * @returns {Page.Sample[]} */
const samples = (kind) =>
  all(document, `#shelf-${kind} button[data-name]`).map(({dataset: {name = ""}}) => ({
    name,
    title: kind === "styles" ? titled(name) : t(`shelf.${name}`),
    credit: kind === "styles" ? credit(name) : "",
    small: under(`/shelf/${kind}/${name}.webp`),
    whole: under(`/shelf/${kind}/${name}.jpg`),
    text: `shelf:${kind}/${name}`,
  }));
/** @returns {Promise<Page.Sample[]>} */
const used = async () =>
  (await recent()).map((one, place) => ({
    name: `recent-${place + 1}`,
    title: called(one, place),
    credit: "",
    small: one.thumbnail,
    whole: one.picture,
    text: `job:${one.job}/styles/${one.place}`,
  }));

/** Adds files as photos.
 * @param {File[]} files */
export const addPhotos = (files) => photos?.add(files);
/** The form, filled.
 * @param {(batch: Api.BatchView, last: boolean) => void} onaccepted */
export const start = async (onaccepted) => {
  const ways = segments(
    "color",
    colors.map((color) => [color, t(`color.${color}`)]),
    "style",
  );
  const methods = segments(
    "how",
    hows.map((one) => [one, t(`how.${one}`)]),
    hows[0],
  );
  accepted = onaccepted;
  const styled = [...(await used()), ...samples("styles")];
  form.addEventListener("submit", send);
  form.addEventListener("input", drawSubmit);
  form.replaceChildren(
    element("p", {class: "hint"}, t("batch.hint")),
    trays,
    slider("alpha", "strength", 0, 100, 1, 80),
    slider("strokes", "strokes", 50, 400, 5, 100),
    ways,
    segments(
      "size",
      [...SIZES.map(String), ...FITS].map((size) => [size, t(`form.size.${size}`)]),
      "512",
    ),
    methods,
    segments(
      "transparency",
      ["flatten", "keep"].map((kind) => [kind, t(`transparency.${kind}`)]),
      "flatten",
    ),
    segments(
      "margins",
      ["trim", "keep"].map((kind) => [kind, t(`margins.${kind}`)]),
      "trim",
    ),
    error,
    notice,
    stop,
    submit,
  );
  photos = tray("photos", samples("photos"), drawSubmit, say);
  styles = tray("styles", styled, drawSubmit, say);
  trays.replaceChildren(photos.box, styles.box);
  pictured(ways);
  explain(methods);
  drawSubmit();
  return form;
};
