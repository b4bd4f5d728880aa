/* The visitor's own recent styles, as a row to choose from. */
import {ask} from "../core/api.js";
import {drawIfChanged, element, find, origin} from "../core/dom.js";
import {t} from "../core/text.js";
import {putStyle} from "./field.js";

/** @type {HTMLElement | null} */
let row = null;

/** @returns {Promise<Api.StyleView[]>} */
export const recent = async () => {
  try {
    return await ask("/api/v1/styles");
  } catch {
    return [];
  }
};
/**
 * @param {Api.StyleView} style
 * @param {number} place
 */
const choice = (style, place) => {
  const name = t("recent.number", {count: place + 1});
  return element(
    "button",
    {type: "button", "data-job": style.job, "data-place": style.place, title: name},
    element("img", {src: style.thumbnail, alt: name, width: 64, height: 64, loading: "lazy"}),
  );
};
/** Looks again: a picture was made, or some were deleted. */
export const refresh = async () => {
  if (!row) return;
  const found = await recent();
  row.hidden = !found.length;
  drawIfChanged(find(row, ".shelf"), found.map((style) => style.digest).join(), () => found.map(choice));
};
/** @param {HTMLElement} host */
export const start = (host) => {
  row = find(host, "#recent");
  row.replaceChildren(
    element("p", {class: "hint", id: "recent-title"}, t("recent")),
    element("div", {class: "shelf", role: "group", "aria-labelledby": "recent-title"}),
  );
  row.addEventListener("click", (event) => {
    const knob = origin(event, "button");
    if (knob) putStyle(`job:${knob.dataset.job}/styles/${knob.dataset.place}`);
  });
  refresh();
};
