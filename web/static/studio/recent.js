/* The visitor's own recent styles, as a row to choose from. */
import {ask} from "../core/api.js";
import {drawIfChanged, element, find} from "../core/dom.js";
import {under} from "../core/place.js";
import {t} from "../core/text.js";
import {choice, mark} from "../form/shelf.js";

/** @type {HTMLElement | null} */
let row = null;

/** @returns {Promise<Api.StyleView[]>} */
export const recent = async () => {
  try {
    return await ask(under("/api/v1/styles"));
  } catch {
    return [];
  }
};
/**
 * @param {Api.StyleView} style
 * @param {number} place
 */
const drawn = (style, place) =>
  choice(`job:${style.job}/styles/${style.place}`, t("recent.number", {count: place + 1}), style.thumbnail);
/** Looks again: a picture was made, or some were deleted. */
export const refresh = async () => {
  if (!row) return;
  const found = await recent();
  row.hidden = !found.length;
  drawIfChanged(find(row, ".shelf"), found.map((style) => style.digest).join(), () => found.map(drawn));
  mark();
};
/** @param {HTMLElement} host */
export const start = (host) => {
  row = find(host, "#recent");
  row.replaceChildren(
    element("p", {class: "hint", id: "recent-title"}, t("recent")),
    element("div", {class: "shelf", role: "group", "aria-labelledby": "recent-title"}),
  );
  refresh();
};
