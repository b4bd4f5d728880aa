/* Keeps the form in this tab's storage, so that it survives a reload, another language, a tab that
 * the browser discarded and a studio that was away: the names of its pictures, and its controls.
 */
import {all, fill, find, whenThere} from "../core/dom.js";

const KEPT = "form"; // in this tab's storage: id of the part → what it holds
export const PAINTED = "painted"; // in this tab's storage: the regions (regions/memory.js)
const HELD = "[id^='value-'] :is(textarea, input)"; // what names the pictures
const PREPARED = "prepared"; // in this tab's storage: the form has what another page put there
// what every form has, each drawn when the script of its kind has come: without one the page could not begin
const DRAWN = [
  "#form",
  "#value-photo :is(textarea, input)",
  "#notice",
  "#how",
  "#color",
  "#strength",
  "#strokes",
  "#size",
  "#steady",
  "#send",
];
let forgotten = false; // until the page is loaded again
const CONTROLS =
  "#strength, #strokes, #color, #size, #how, #network, #transparency, #margins, #steady, #moving, #mixture, [id^='share-'], [id^='until-']";

/** The part of the form that an input belongs to.
 * @param {Element} input */
const part = (input) => input.closest(`${CONTROLS}, [id^='value-']`)?.id ?? "";
/** @param {HTMLElement} form */
const inputs = (form) =>
  /** @type {(HTMLInputElement | HTMLTextAreaElement)[]} */ (
    all(form, `${HELD}, :is(${CONTROLS}) :is(input[type=number], input[type=radio]:checked)`)
  );

/** What the form holds now, by the ids of its parts.
 * @returns {Record<string, string>} */
export const held = () => {
  const form = document.querySelector("#form");
  return form instanceof HTMLElement ? Object.fromEntries(inputs(form).map((input) => [part(input), input.value])) : {};
};
/** @param {Record<string, string>} parts */
const store = (parts) => {
  try {
    sessionStorage.setItem(KEPT, JSON.stringify(parts));
  } catch {
    /* a browser without storage forgets */
  }
};
/** Keeps what the form holds now. */
export const keep = () => {
  const parts = held();
  if (!forgotten && "value-photo" in parts) store(parts); // or Gradio has not drawn it yet
};
/** Keeps parts of a form for the studio's page, which is opened next.
 * @param {Record<string, string>} parts
 * @param {Record<string, string>} first what else it holds where nothing was kept */
export const prepare = (parts, first) => {
  store({...(kept() ?? first), ...parts});
  try {
    sessionStorage.setItem(PREPARED, "yes");
  } catch {
    /* then without a preview */
  }
};
/** Tells once whether the form was prepared by another page. */
export const prepared = () => {
  try {
    const was = sessionStorage.getItem(PREPARED);
    sessionStorage.removeItem(PREPARED);
    return was !== null;
  } catch {
    return false;
  }
};
/** Tells whether regions are kept that were painted on a photo.
 * @param {string} photo what its field holds, without a crop */
export const isPainted = (photo) => {
  try {
    return sessionStorage.getItem(PAINTED)?.startsWith(`{"photo":${JSON.stringify(photo)},`) ?? false;
  } catch {
    return false;
  }
};
/** Forgets the form: the next page is another visitor's. */
export const forget = () => {
  forgotten = true;
  for (const name of [KEPT, PAINTED]) sessionStorage.removeItem(name);
};
/** What was kept, or null.
 * @returns {Record<string, string> | null} */
const kept = () => {
  try {
    return JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
  } catch {
    return null;
  }
};

/**
 * Sets one part of the form as a hand would.
 * @param {HTMLElement} box
 * @param {string} value
 */
const set = (box, value) => {
  const choices = all(box, "input[type=radio]").map((one) => /** @type {HTMLInputElement} */ (one));
  if (choices.length) return choices.find((one) => one.value === value && !one.checked)?.click();
  const input = box.querySelector("textarea, input[type=number], input:not([type=range])");
  if (!(input instanceof HTMLInputElement || input instanceof HTMLTextAreaElement) || input.value === value) return;
  fill(input, value);
  input.dispatchEvent(new Event("change", {bubbles: true}));
};

/** Sets parts of the form, by their ids.
 * @param {Record<string, string>} parts */
export const refill = (parts) => {
  for (const [id, value] of Object.entries(parts)) {
    const box = document.getElementById(id);
    if (box) set(box, value);
  }
};
/** Fills the form with what was kept, once it is drawn, and keeps it from then on. Answers whether
 * anything was kept. */
export const restore = async () => {
  await Promise.all(DRAWN.map(whenThere));
  const parts = kept();
  refill(parts ?? {});
  const form = find(document, "#form");
  for (const kind of ["input", "change", "picture"]) form.addEventListener(kind, () => setTimeout(keep));
  addEventListener("pagehide", keep);
  document.addEventListener("visibilitychange", keep); // a hidden tab may be discarded
  return parts !== null;
};
