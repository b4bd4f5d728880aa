/* The visitor's own styles, those with a name first, as a row to choose from; the chosen one can be named. */
import {ask, sentence, tell} from "../core/api.js";
import {button} from "../core/controls.js";
import {drawIfChanged, element, find} from "../core/dom.js";
import {under} from "../core/place.js";
import {t} from "../core/text.js";
import {choice, mark} from "../form/shelf.js";
import {names, value} from "./field.js";
import {picture} from "./uploads.js";

const LONGEST = 40; // characters of a name
/** @type {HTMLElement | null} */
let row = null;
/** @type {Api.StyleView[]} */
let styles = [];

/** @returns {Promise<Api.StyleView[]>} */
export const recent = async () => {
  try {
    return await ask(under("/api/v1/styles"));
  } catch {
    return [];
  }
};
/**
 * What a style is called.
 * @param {Api.StyleView} style
 * @param {number} place
 */
export const called = (style, place) => style.name || t("recent.number", {count: place + 1});
/** What a field holds of a style.
 * @param {Api.StyleView} style */
const text = (style) => `job:${style.job}/styles/${style.place}`;
/**
 * @param {Api.StyleView} style
 * @param {number} place
 */
const drawn = (style, place) => {
  const made = choice(text(style), called(style, place), style.thumbnail);
  if (style.name) made.append(element("span", {class: "named", "aria-hidden": "true"}, style.name));
  return made;
};

/* ------------------------------------------------------------ names */

/** The style of the form that can have a name.
 * @returns {Api.StyleView | undefined} */
const nameable = () => {
  const held = new Set(names("style").map((name) => picture(value(name))));
  return styles.find((style) => held.has(text(style)));
};
/**
 * @param {() => Promise<unknown>} act
 * @param {string} said
 */
const change = async (act, said) => {
  if (!row) return;
  const status = find(row, "[role=status]");
  try {
    await act();
    await refresh();
    status.textContent = said;
  } catch (error) {
    status.textContent = sentence(error);
  }
};
/** @param {Api.StyleView} style */
const namer = (style) => {
  const address = `${style.picture}/name`;
  const field = element("input", {
    type: "text",
    maxlength: LONGEST,
    required: true,
    value: style.name,
    placeholder: t("style.name"),
    "aria-label": t("style.name"),
  });
  return element(
    "form",
    {
      class: "line",
      onsubmit: (event) => {
        event.preventDefault();
        const name = field.value.trim();
        change(() => tell(address, {name}, "PUT"), t("style.kept", {name}));
      },
    },
    field,
    element("button", {type: "submit", class: "quiet"}, t(style.name ? "style.rename" : "style.keep")),
    style.name
      ? button(t("style.forget"), "close", () =>
          change(() => ask(address, {method: "DELETE"}), t("style.forgotten", {name: style.name})),
        )
      : null,
  );
};
const drawNamer = () => {
  if (!row) return;
  const style = nameable();
  const box = find(row, ".namer");
  if (!drawIfChanged(box, style ? `${style.digest} ${style.name}` : "", () => (style ? [namer(style)] : []))) return;
  find(row, "[role=status]").textContent = style && !style.name ? t("style.keep.hint") : "";
};

/** Looks again: a picture was made, or some were deleted. */
export const refresh = async () => {
  if (!row) return;
  styles = await recent();
  row.hidden = !styles.length;
  const face = styles.map((style) => `${style.digest} ${style.name}`).join();
  drawIfChanged(find(row, ".shelf"), face, () => styles.map(drawn));
  drawNamer();
  mark();
};
/** @param {HTMLElement} host */
export const start = (host) => {
  row = find(host, "#recent");
  row.replaceChildren(
    element("p", {class: "hint", id: "recent-title"}, t("recent")),
    element("div", {class: "shelf", role: "group", "aria-labelledby": "recent-title"}),
    element("div", {class: "namer"}),
    element("p", {class: "hint", role: "status"}),
  );
  find(document, "#form").addEventListener("picture", drawNamer);
  refresh();
};
