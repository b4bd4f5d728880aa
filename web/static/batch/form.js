/* The form of a batch: photos, styles, settings, and the button that submits them as one. */
import {ask, sentence, status} from "../core/api.js";
import {all, element, find} from "../core/dom.js";
import {colors, t} from "../core/text.js";
import {recent} from "../studio/recent.js";
import {tray} from "./tray.js";

export const BATCHES = "/api/v1/batches";
const SIZES = [256, 512, 768, 1024];
const FITS = ["10x15", "a4", "a3", "largest"]; // in place of a size

let key = ""; // of a submission whose answer may have got lost: sent again, it is the same batch
let sending = false;
/** @type {ReturnType<typeof tray> | null} */
let photos = null;
/** @type {ReturnType<typeof tray> | null} */
let styles = null;
/** @type {(batch: Api.BatchView) => void} */
let accepted = () => {};

const error = element("div", {class: "said"});
const submit = element("button", {type: "submit", class: "send"}, element("span", {}));
const trays = element("div", {class: "trays"});
const form = element("form", {class: "choices"});

const fresh = () => globalThis.crypto.randomUUID?.() ?? `${Date.now()}-${Math.random().toString(36).slice(2)}`;
const options = () => {
  const chosen = new FormData(form);
  const size = String(chosen.get("size"));
  return {
    ...(FITS.includes(size) ? {fit: size} : {size: Number(size)}),
    alpha: Number(chosen.get("alpha")) / 100,
    color: chosen.get("color"),
    strokes: Number(chosen.get("strokes")) / 100,
  };
};
const drawSubmit = () => {
  const count = (photos?.count() ?? 0) * (styles?.count() ?? 0);
  key = ""; // another form is another batch
  find(submit, "span").textContent = sending
    ? t("batch.sending")
    : count
      ? t("batch.send", {count})
      : t("batch.send.none");
  submit.disabled = sending || !count;
};
/** @param {string} text */
const say = (text) => {
  error.replaceChildren(...(text ? [element("p", {role: "alert"}, text)] : []));
  if (text) error.scrollIntoView({block: "nearest", behavior: "smooth"});
};
const body = async () => {
  const made = new FormData();
  for (const [file, name] of (await photos?.files()) ?? []) made.append("content", file, name);
  for (const [file, name] of (await styles?.files()) ?? []) made.append("style", file, name);
  made.append("options", JSON.stringify(options()));
  return made;
};
/** @param {Event} event */
const send = async (event) => {
  event.preventDefault();
  if (sending) return;
  const again = key || fresh(); // drawing the button forgets it
  let lost = false;
  sending = true;
  drawSubmit();
  say("");
  try {
    const batch = await ask(BATCHES, {method: "POST", body: await body(), headers: {"Idempotency-Key": again}});
    photos?.clear(); // the styles stay, for the next photos
    accepted(batch);
  } catch (problem) {
    say(sentence(problem));
    lost = !status(problem);
  }
  sending = false;
  drawSubmit();
  if (lost) key = again;
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
 * A slider that begins at 100.
 * @param {string} name
 * @param {string} label
 * @param {number} min
 * @param {number} max
 * @param {number} step
 */
const slider = (name, label, min, max, step) => {
  const shown = element("output", {}, "100");
  const input = element("input", {
    type: "range",
    name,
    min,
    max,
    value: 100,
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
  all(document, `#shelf-${kind} button`).map(({dataset: {name = ""}}) => ({
    name,
    title: t(`shelf.${name}`),
    small: `/shelf/${kind}/${name}.webp`,
    whole: `/shelf/${kind}/${name}.jpg`,
  }));
/** @returns {Promise<Page.Sample[]>} */
const used = async () =>
  (await recent()).map((one, place) => ({
    name: `recent-${place + 1}`,
    title: t("recent.number", {count: place + 1}),
    small: one.thumbnail,
    whole: one.picture,
  }));

/** Adds files as photos.
 * @param {File[]} files */
export const addPhotos = (files) => photos?.add(files);
/** The form, filled.
 * @param {(batch: Api.BatchView) => void} onaccepted */
export const start = async (onaccepted) => {
  accepted = onaccepted;
  const styled = [...(await used()), ...samples("styles")];
  form.addEventListener("submit", send);
  form.addEventListener("input", () => {
    key = "";
  });
  form.replaceChildren(
    element("p", {class: "hint"}, t("batch.hint")),
    trays,
    slider("alpha", "strength", 0, 100, 1),
    slider("strokes", "strokes", 50, 400, 5),
    segments(
      "color",
      colors.map((color) => [color, t(`color.${color}`)]),
      "style",
    ),
    segments(
      "size",
      [...SIZES.map(String), ...FITS].map((size) => [size, FITS.includes(size) ? t(`form.size.${size}`) : size]),
      "512",
    ),
    error,
    submit,
  );
  photos = tray("photos", samples("photos"), drawSubmit);
  styles = tray("styles", styled, drawSubmit);
  trays.replaceChildren(photos.box, styles.box);
  drawSubmit();
  return form;
};
