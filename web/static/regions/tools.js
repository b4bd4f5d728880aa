/* The tools of the regions: brushes that show their style, and sliders. */
import {button} from "../core/controls.js";
import {element} from "../core/dom.js";
import {under} from "../core/place.js";
import {t} from "../core/text.js";
import {COLORS, NONE} from "./layers.js";

/** The photo of the form.
 * @returns {HTMLImageElement | null} */
export const photoOf = () => document.querySelector("#photo img");
/** The places of the styles that are chosen. */
export const chosen = () => [...COLORS.keys()].filter((place) => document.querySelector(`#style-${place} img`));
/** Where the picture of a style is; "" where there is none.
 * @param {number} place */
export const pictureOf = (place) => {
  const found = document.querySelector(`#style-${place} img`);
  return found instanceof HTMLImageElement ? found.src : "";
};
/**
 * @param {number} place
 * @param {(place: number) => void} take
 */
export const brushButton = (place, take) => {
  const swatch = element("span", {class: "swatch"}),
    src = pictureOf(place);
  if (place !== NONE) swatch.style.borderColor = COLORS[place];
  if (src) swatch.append(element("img", {src, alt: ""}));
  return element(
    "button",
    {type: "button", class: "quiet brush", "data-place": place, onclick: () => take(place)},
    swatch,
    element("span", {}, place === NONE ? t("regions.photo") : t("style.number", {count: place + 1})),
  );
};
/**
 * @param {string} name
 * @param {number} min
 * @param {number} value
 * @param {number} max
 * @param {(event: any) => unknown} [oninput]
 */
const range = (name, min, value, max, oninput = () => {}) =>
  element(
    "label",
    {},
    t(`regions.${name}`),
    element("input", {type: "range", class: name, min, max, value, step: 1, oninput}),
  );
/**
 * What is beside the brushes.
 * @param {{[name: string]: (...given: any[]) => unknown}} does what its parts do
 */
export const toolbar = ({weaken, soften, findSubject, larger, smaller, undo, startAgain}) =>
  element(
    "div",
    {class: "line"},
    range("strength", 10, 100, 100, weaken),
    range("thick", 2, 16, 60),
    range("feather", 0, 3, 10, soften),
    button(t("regions.subject"), "photo", findSubject, {class: "quiet subject"}),
    button(t("regions.zoom.in"), "plus", larger),
    button(t("regions.zoom.out"), "minus", smaller),
    button(t("undo"), "back", undo, {class: "quiet undo", disabled: true}),
    button(t("regions.clear"), null, startAgain),
  );
/** The subject of a photo, white on black.
 * @param {string} address of the photo */
export const subjectOf = async (address) => {
  const body = new FormData();
  body.append("picture", await (await fetch(address)).blob());
  const answer = await fetch(under("/api/v1/subject"), {method: "POST", body, credentials: "same-origin"});
  if (!answer.ok) throw new Error((await answer.json()).detail);
  return createImageBitmap(await answer.blob());
};
